SELECT customer, id, amount
FROM orders
QUALIFY row_number() OVER (PARTITION BY customer, quantity ORDER BY id DESC) = 1
