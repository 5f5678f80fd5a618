MODEL (name q7, description 'Highest bid: the bids at the highest price of ten seconds');
SELECT b.auction, b.bidder, b.price, b.date_time, b.extra
FROM bids AS b
JOIN (
  SELECT window_start, window_end, max(price) AS price
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(date_time), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end
) AS highest ON b.price = highest.price
WHERE b.date_time BETWEEN highest.window_end - INTERVAL 10 SECOND AND highest.window_end
