SELECT now() AS n FROM orders
