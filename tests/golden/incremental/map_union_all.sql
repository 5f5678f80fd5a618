SELECT a, s, 'order' AS what FROM orders
UNION ALL
SELECT a, s, 'return' FROM returns WHERE b IS NOT NULL
UNION ALL
SELECT b, s, 'again' FROM orders
ORDER BY 1
