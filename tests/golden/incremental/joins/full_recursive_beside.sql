WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT r.x + 1 FROM r WHERE r.x < (SELECT max(n) FROM a)), s AS (SELECT k, count(*) AS c FROM a GROUP BY k) SELECT s.k, r.x FROM s JOIN r ON s.c >= r.x
