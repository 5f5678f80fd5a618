SELECT customer, amount, id
FROM orders
ORDER BY amount DESC, id
LIMIT 1
