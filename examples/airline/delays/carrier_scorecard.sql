MODEL (name carrier_scorecard, grain (carrier), description 'Punctuality per carrier, best first');
WITH scored AS (
  SELECT
    carrier,
    count(*) AS departures,
    avg(dep_delay) AS mean_delay,
    median(dep_delay) AS median_delay,
    avg(CASE WHEN dep_delay >= 15 THEN 1 ELSE 0 END) AS share_late
  FROM departures
  GROUP BY carrier
)
SELECT
  scored.carrier,
  carriers.name,
  scored.departures,
  scored.mean_delay,
  scored.median_delay,
  scored.share_late,
  row_number() OVER (ORDER BY scored.share_late, scored.carrier) AS rank
FROM scored
JOIN fleet.carriers AS carriers ON carriers.carrier = scored.carrier
