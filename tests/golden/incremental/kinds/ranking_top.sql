SELECT customer, amount, id, place, step
FROM (
  SELECT customer, amount, id, rank() OVER (PARTITION BY customer ORDER BY amount DESC NULLS LAST) AS place,
    dense_rank() OVER (PARTITION BY customer ORDER BY amount DESC NULLS LAST) AS step
  FROM orders
) AS ranked
WHERE place <= 3
