SELECT window_end, customer, median(amount) AS middle, list(id ORDER BY id) AS ids
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(placed_in_zone), INTERVAL '30' MINUTE, INTERVAL '1' HOUR))
GROUP BY window_end, customer
