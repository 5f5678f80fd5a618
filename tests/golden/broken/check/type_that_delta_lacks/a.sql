SELECT id, placed FROM orders
