MODEL (name a, grain (id, ID));
SELECT 1 AS id
