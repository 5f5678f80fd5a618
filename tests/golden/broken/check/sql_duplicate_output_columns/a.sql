SELECT id, total AS id FROM orders
