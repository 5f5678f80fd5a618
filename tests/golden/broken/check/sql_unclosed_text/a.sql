SELECT 'id FROM orders
