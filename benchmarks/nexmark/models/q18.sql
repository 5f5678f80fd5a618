MODEL (name q18, description 'Last bid of each bidder on each auction: latest by key');
SELECT auction, bidder, price, channel, url, date_time, extra
FROM bids
QUALIFY row_number() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC, price DESC, url, extra) = 1
