MODEL (name a, partition_by (hour(day)));
SELECT id, CAST(placed_at AS DATE) AS day FROM orders
