SELECT a, s FROM orders WHERE EXISTS (SELECT 1 FROM returns AS r WHERE r.a = orders.a)
