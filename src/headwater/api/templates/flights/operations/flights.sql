MODEL (
  name flights,
  grain (scheduled_at, carrier, flight, origin),
  description 'One row per scheduled flight, cancelled ones included'
);
SELECT scheduled_at, carrier, flight, origin, dest, dep_delay IS NULL AS cancelled, dep_delay, distance
FROM flights_file
