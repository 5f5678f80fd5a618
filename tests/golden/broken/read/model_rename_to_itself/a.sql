MODEL (name a, renames (id = id, total = amount, total = sum));
SELECT 1 AS id
