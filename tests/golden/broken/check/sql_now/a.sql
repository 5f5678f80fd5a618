SELECT id, now() AS seen_at FROM orders
