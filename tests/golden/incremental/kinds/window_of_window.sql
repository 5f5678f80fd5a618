WITH counted AS (
  SELECT window_start, window_end, customer, count(*) AS orders
  FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(placed_at), INTERVAL '1' HOUR))
  GROUP BY window_start, window_end, customer
), most AS (
  SELECT window_start, window_end, max(orders) AS orders FROM counted GROUP BY window_start, window_end
)
SELECT c.window_end, c.customer, c.orders
FROM counted AS c JOIN most AS m ON c.window_start = m.window_start AND c.window_end = m.window_end AND c.orders = m.orders
