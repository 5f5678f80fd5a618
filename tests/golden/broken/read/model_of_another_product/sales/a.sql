MODEL (name fleet.a);
SELECT 1 AS id
