MODEL (
  name flights,
  grain (time_hour, carrier, flight, origin),
  description 'One row per scheduled flight out of New York, cancelled ones included'
);
SELECT
  time_hour,
  minute,
  carrier,
  flight,
  tailnum,
  origin,
  dest,
  dep_time IS NULL AS cancelled,
  dep_delay,
  arr_delay,
  air_time,
  distance
FROM flights_file
