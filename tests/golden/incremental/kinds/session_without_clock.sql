SELECT customer, window_start, count(*) AS orders
FROM TABLE(SESSION(TABLE orders PARTITION BY customer, DESCRIPTOR(due_at), INTERVAL '30' MINUTE))
GROUP BY customer, window_start
