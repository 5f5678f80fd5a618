MODEL (name a, output detla);
SELECT 1 AS id
