MODEL (name q2, description 'Selection: bids on some auctions');
SELECT auction, price FROM bids WHERE auction % 123 = 0
