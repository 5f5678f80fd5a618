MODEL (name a, partition_by (id));
SELECT id FROM orders
