MODEL (
  name a,
  name b
);
SELECT 1 AS id
