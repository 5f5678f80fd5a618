SELECT window_start, window_end, customer, count(*) AS orders, sum(amount) AS amount, avg(quantity) AS quantity
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(placed_at), INTERVAL '1' HOUR))
GROUP BY window_start, window_end, customer
