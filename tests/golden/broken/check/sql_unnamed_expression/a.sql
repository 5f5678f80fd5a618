SELECT id + 1 FROM orders
