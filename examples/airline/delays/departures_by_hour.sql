MODEL (
  name departures_by_hour,
  grain (window_start, origin),
  description 'Departures and mean delay per hour and airport'
);
SELECT window_start, window_end, origin, count(*) AS departures, avg(dep_delay) AS mean_delay
FROM TABLE(TUMBLE(TABLE departures, DESCRIPTOR(departed_at), INTERVAL '1' HOUR))
GROUP BY window_start, window_end, origin
