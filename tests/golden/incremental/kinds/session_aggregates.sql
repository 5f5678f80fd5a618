SELECT customer, window_start, window_end, count(*) AS orders, sum(amount) AS amount
FROM TABLE(SESSION(TABLE orders PARTITION BY customer, DESCRIPTOR(placed_at), INTERVAL '10' MINUTE))
GROUP BY customer, window_start, window_end
