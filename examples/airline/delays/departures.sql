MODEL (
  name departures,
  grain (scheduled_hour, carrier, flight, origin),
  description 'Departed flights with the time they really left'
);
SELECT
  time_hour + to_minutes(minute + dep_delay) AS departed_at,
  time_hour AS scheduled_hour,
  carrier,
  flight,
  tailnum,
  origin,
  dest,
  dep_delay,
  arr_delay,
  distance
FROM operations.flights
WHERE NOT cancelled
