MODEL (name planes, grain (tailnum), description 'One row per registered aircraft');
SELECT tailnum, year AS built_in, type, manufacturer, model, engines, seats
FROM planes_file
