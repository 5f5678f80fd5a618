MODEL (name a);
SELECT id,
FORM orders
