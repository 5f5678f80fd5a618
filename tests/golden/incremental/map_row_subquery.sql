SELECT a, (SELECT max(x) FROM unnest(o.xs) AS u(x)) AS largest
FROM orders AS o
