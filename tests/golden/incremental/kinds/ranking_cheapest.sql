SELECT *
FROM (SELECT customer, amount, quantity, id, row_number() OVER (PARTITION BY customer ORDER BY amount, quantity DESC, id) AS place FROM orders)
WHERE place = 1
