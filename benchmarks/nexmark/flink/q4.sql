SELECT category, AVG(final) AS average
FROM (
  SELECT a.id, a.category, CAST(MAX(b.price) AS DOUBLE) AS final
  FROM auctions AS a
  JOIN bids AS b ON a.id = b.auction
  WHERE b.date_time BETWEEN a.date_time AND a.expires
  GROUP BY a.id, a.category
) AS closed
GROUP BY category
