SELECT e.twice, count(*) AS rows, max(e.more) AS most FROM (SELECT v * 2 AS twice, twice + 1 AS more FROM a) AS e GROUP BY e.twice
