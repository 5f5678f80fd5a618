SELECT window_end, count(*) AS orders
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(placed_at), INTERVAL '1' MONTH))
GROUP BY window_end
