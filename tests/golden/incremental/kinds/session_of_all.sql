SELECT window_time, median(amount) AS middle
FROM TABLE(SESSION(TABLE orders, DESCRIPTOR(placed_at), INTERVAL '5' MINUTE))
WHERE quantity > 1
GROUP BY window_time, window_start
