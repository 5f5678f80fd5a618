WITH priced AS (SELECT placed_at, amount * 2 AS net, net + 1 AS gross FROM orders WHERE net > 5)
SELECT window_start, max(gross) AS highest, count(*) AS n
FROM TABLE(TUMBLE(TABLE priced, DESCRIPTOR(placed_at), INTERVAL '1' HOUR))
GROUP BY window_start
