MODEL (nam a, output parquet);
SELECT 1 AS id
