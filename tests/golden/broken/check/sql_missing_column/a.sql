MODEL (name a);
SELECT
  id,
  custmer
FROM orders
