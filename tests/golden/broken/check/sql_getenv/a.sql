SELECT getenv('HOME') AS home FROM orders
