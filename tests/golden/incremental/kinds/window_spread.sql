SELECT window_end, stddev(quantity) AS deviation, var_pop(quantity) FILTER (WHERE amount > 2) AS variance
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(placed_at), INTERVAL '15' MINUTE, INTERVAL '45' MINUTE))
GROUP BY window_end
