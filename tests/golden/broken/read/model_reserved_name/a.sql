MODEL (name orders__quarantine);
SELECT 1 AS id
