WITH won AS (
  SELECT a.seller, a.id AS auction, max((b.price, -epoch_us(b.date_time))) AS best
  FROM auctions AS a, bids AS b
  WHERE a.id = b.auction AND b.date_time >= a.date_time AND b.date_time <= a.expires
  GROUP BY a.id, a.seller
), numbered AS (
  SELECT seller, auction, best[1] AS price, row_number() OVER (PARTITION BY seller ORDER BY -best[2], auction) AS number
  FROM won
)
SELECT n.seller, n.auction, avg(before.price) AS average
FROM numbered AS n
JOIN numbered AS before ON n.seller = before.seller AND before.number BETWEEN n.number - 10 AND n.number
GROUP BY n.seller, n.auction
