WITH RECURSIVE steps AS (
  SELECT a AS n FROM orders WHERE a IS NOT NULL
  UNION ALL
  SELECT n - 1 FROM steps WHERE n > 0
)
SELECT n, count(*) AS times FROM steps GROUP BY n
