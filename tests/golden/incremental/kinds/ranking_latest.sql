SELECT customer, id, amount
FROM orders
QUALIFY row_number() OVER (PARTITION BY customer ORDER BY placed_at DESC, id) = 1
