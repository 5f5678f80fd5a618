SELECT a, s FROM orders UNION ALL SELECT 0, 'none'
