SELECT window_start, window_end, customer, max(amount) AS highest, arg_min(amount, id) AS first
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(placed_at), INTERVAL '20' MINUTE, INTERVAL '50' MINUTE, INTERVAL '7' MINUTE))
WHERE quantity > 1
GROUP BY window_start, window_end, customer
