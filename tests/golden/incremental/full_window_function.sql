SELECT a, s, rank() OVER (PARTITION BY s ORDER BY a) AS place FROM orders
