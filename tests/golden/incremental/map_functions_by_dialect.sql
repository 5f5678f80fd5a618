-- functions that a general SQL parser writes back as others
SELECT
  a,
  log10(a) AS magnitude,
  reduce(xs, lambda x, y: x + y, 10) AS total
FROM orders
WHERE a > 0
