SELECT window_start, s, count(*) AS n, avg(b) AS mean
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR))
GROUP BY window_start, s
