MODEL (
  name delay_by_weather,
  grain (origin, conditions),
  description 'Delay by the weather at the airport when the flight left'
);
WITH weathered AS (
  SELECT
    departures.origin,
    departures.dep_delay,
    CASE
      WHEN observed.observed_at IS NULL THEN 'unknown'
      WHEN observed.precipitation_in > 0 THEN 'rain'
      WHEN observed.visibility_mi < 5 THEN 'low visibility'
      WHEN observed.wind_speed_mph >= 20 THEN 'wind'
      ELSE 'clear'
    END AS conditions
  FROM departures
  ASOF LEFT JOIN weather.observations AS observed
    ON departures.origin = observed.origin AND departures.departed_at >= observed.observed_at
)
SELECT
  origin,
  conditions,
  count(*) AS departures,
  avg(dep_delay) AS mean_delay,
  avg(CASE WHEN dep_delay >= 15 THEN 1 ELSE 0 END) AS share_late
FROM weathered
GROUP BY origin, conditions
