MODEL name a;
SELECT 1 AS id
