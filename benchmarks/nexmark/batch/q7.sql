-- The end of a window counts twice: a bid at the end is compared with the window before as well.
WITH highest AS (
  SELECT epoch_ms(date_time) // 10000 AS slice, max(price) AS price FROM bids GROUP BY slice
)
SELECT b.auction, b.bidder, b.price, b.date_time, b.extra
FROM bids AS b
JOIN highest AS h ON b.price = h.price
  AND epoch_ms(b.date_time) >= h.slice * 10000 AND epoch_ms(b.date_time) <= h.slice * 10000 + 10000
