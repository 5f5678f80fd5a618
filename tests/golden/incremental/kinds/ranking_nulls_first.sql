SELECT customer, amount, id
FROM orders
QUALIFY row_number() OVER (PARTITION BY customer ORDER BY amount DESC NULLS FIRST, id) = 1
