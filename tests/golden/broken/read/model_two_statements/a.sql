MODEL (name a);
SELECT ';' AS semicolon; -- one
SELECT 2 AS id;
