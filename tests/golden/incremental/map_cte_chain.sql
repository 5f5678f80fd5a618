WITH big (k, name) AS (
  SELECT a, s FROM orders WHERE a > 1
), named AS (
  SELECT k, coalesce(name, 'none') AS name FROM big
)
SELECT k * 2 AS k2, name FROM named WHERE k < 9
