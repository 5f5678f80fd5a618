SELECT k, n, count(*) AS rows, grouping(k, n) AS sets FROM a GROUP BY GROUPING SETS ((k, n), (k), ())
