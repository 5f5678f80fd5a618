MODEL (name a, partition_by (day(total)));
SELECT id, total FROM orders
