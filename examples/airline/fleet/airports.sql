MODEL (name airports, grain (faa), description 'One row per airport the FAA lists');
SELECT faa, name, lat AS latitude, lon AS longitude, alt AS altitude_ft, tzone AS time_zone
FROM airports_file
