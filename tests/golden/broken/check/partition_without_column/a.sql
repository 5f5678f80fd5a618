MODEL (name a, output delta, partition_by (day(placed)));
SELECT id, placed_at FROM orders
