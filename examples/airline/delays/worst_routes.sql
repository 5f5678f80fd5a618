MODEL (name worst_routes, grain (origin, dest), description 'The twenty routes that arrive latest');
SELECT
  departures.origin,
  departures.dest,
  airports.name AS destination,
  count(*) AS departures,
  avg(departures.arr_delay) AS mean_arrival_delay,
  row_number() OVER (ORDER BY avg(departures.arr_delay) DESC, departures.origin, departures.dest) AS rank
FROM departures
JOIN fleet.airports AS airports ON airports.faa = departures.dest
GROUP BY departures.origin, departures.dest, airports.name
HAVING count(*) >= 100
QUALIFY rank <= 20
