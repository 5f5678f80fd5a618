SELECT e.k, count(*) AS rows, max(e.more) AS most FROM (SELECT v AS k, k + 1 AS more FROM (SELECT k AS n, v FROM a) AS t) AS e GROUP BY e.k
