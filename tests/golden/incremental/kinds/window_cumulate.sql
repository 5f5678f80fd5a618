SELECT window_time, count(*) AS orders
FROM TABLE(CUMULATE(TABLE orders, DESCRIPTOR(placed_on), INTERVAL '6' HOUR, INTERVAL '1' DAY))
GROUP BY window_time
