MODEL (name Orders);
SELECT 1 AS id
