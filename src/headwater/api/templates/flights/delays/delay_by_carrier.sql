MODEL (name delay_by_carrier, grain (carrier), description 'How late each carrier leaves');
SELECT carrier, count(*) AS departures, round(avg(dep_delay), 1) AS mean_delay, max(dep_delay) AS worst_delay
FROM departures
GROUP BY carrier
