MODEL (name a output delta);
SELECT 1 AS id
