SELECT customer FROM orders
