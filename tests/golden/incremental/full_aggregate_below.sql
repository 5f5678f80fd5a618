WITH totals AS (SELECT s, sum(a) AS total FROM orders GROUP BY s)
SELECT s, total * 2 AS twice FROM totals WHERE total > 1
