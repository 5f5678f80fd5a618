SELECT id, random() AS r FROM orders
