SELECT d.total
FROM (
  SELECT e.a + e.b AS total
  FROM (SELECT a, b FROM orders WHERE b > 0) AS e
  WHERE e.a > 0
) AS d
