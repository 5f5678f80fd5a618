SELECT id, customer, window_start, window_end
FROM TABLE(SESSION(TABLE orders PARTITION BY customer, DESCRIPTOR(placed_at), INTERVAL '10' MINUTE))
