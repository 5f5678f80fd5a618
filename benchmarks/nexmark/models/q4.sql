MODEL (name q4, description 'Average closing price of a category: aggregates of an aggregate of a join');
SELECT category, avg(final) AS average
FROM (
  SELECT a.id, a.category, max(b.price) AS final
  FROM auctions AS a
  JOIN bids AS b ON a.id = b.auction
  WHERE b.date_time BETWEEN a.date_time AND a.expires
  GROUP BY a.id, a.category
) AS closed
GROUP BY category
