SELECT window_start, count(*) AS n FROM TUMBLE(orders, placed, INTERVAL '1' HOUR) GROUP BY window_start
