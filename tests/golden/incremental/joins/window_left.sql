SELECT x.window_start, x.k, y.w FROM TUMBLE(a, ts, INTERVAL 1 HOUR) AS x LEFT JOIN TUMBLE(b, ts, INTERVAL 2 HOUR) AS y ON x.window_end = y.window_end AND x.k = y.k
