SELECT id, Carrier, ORIGIN FROM flights;
SELECT ops.flights.id, flights.carrier FROM ops.flights;
SELECT f.id AS "Flight No", f."carrier" FROM ops.flights AS f;
SELECT plane.seats, plane.maker.name, f.plane.maker.name AS maker FROM flights AS f;
SELECT dep_delay AS late, late * 60 AS seconds FROM flights WHERE late > 10;
SELECT upper(origin) AS origin, count(*) AS n FROM flights GROUP BY origin ORDER BY origin;
SELECT origin AS carrier, count(*) AS n FROM flights GROUP BY carrier, origin ORDER BY carrier, n;
SELECT dep_delay AS d, -dep_delay AS id FROM flights ORDER BY id, d;
SELECT carrier, sum(dep_delay) AS total FROM flights GROUP BY carrier HAVING total > 10;
SELECT carrier, count(*) AS n FROM flights GROUP BY 1 ORDER BY 2 DESC, 1;
SELECT carrier, origin, count(*) AS n FROM flights GROUP BY ALL ORDER BY ALL;
SELECT late: dep_delay, k: id FROM flights;
FROM flights SELECT id WHERE cancelled;
FROM carriers;
/* comments do not count */ SELECT
   id -- nor do these
FROM flights;
SELECT carrier.lower() AS a, flights.note.upper().left(3) AS b, legs.list_sum() AS c FROM flights;
SELECT 1 AS one, 'it''s' AS text, NULL AS nothing, DATE '2026-01-01' AS day, INTERVAL 90 MINUTES AS gap;
