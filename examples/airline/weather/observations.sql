MODEL (
  name observations,
  grain (origin, observed_at),
  description 'Hourly weather at the three airports of New York'
);
SELECT
  origin,
  time_hour AS observed_at,
  temp AS temperature_f,
  humid AS humidity,
  wind_speed AS wind_speed_mph,
  precip AS precipitation_in,
  pressure AS pressure_mb,
  visib AS visibility_mi
FROM observations_file
