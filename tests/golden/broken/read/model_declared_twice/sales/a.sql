MODEL (name orders);
SELECT 1 AS id
