SELECT a, b + 1 AS b1, upper(s) AS name
FROM orders
WHERE a > 1 AND s IS NOT NULL -- comments do not count
