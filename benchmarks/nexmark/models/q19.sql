MODEL (name q19, description 'Top ten bids of each auction');
SELECT auction, bidder, price, channel, url, date_time, extra, place
FROM (
  SELECT auction, bidder, price, channel, url, date_time, extra,
    row_number() OVER (PARTITION BY auction ORDER BY price DESC, date_time, bidder, url, extra) AS place
  FROM bids
) AS ranked
WHERE place <= 10
