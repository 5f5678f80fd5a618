MODEL (name q0, description 'Pass through: the cost of decoding and publishing');
SELECT auction, bidder, price, date_time, extra FROM bids
