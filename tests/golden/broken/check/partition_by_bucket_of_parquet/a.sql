MODEL (name a, partition_by (bucket(4, id)));
SELECT id, customer FROM orders
