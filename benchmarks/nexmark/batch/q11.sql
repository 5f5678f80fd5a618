WITH marked AS (
  SELECT bidder, date_time,
    date_time - lag(date_time) OVER (PARTITION BY bidder ORDER BY date_time) <= INTERVAL 10 SECOND AS continues
  FROM bids
), numbered AS (
  SELECT bidder, date_time,
    count(*) FILTER (WHERE NOT coalesce(continues, false)) OVER (
      PARTITION BY bidder ORDER BY date_time ROWS UNBOUNDED PRECEDING
    ) AS session
  FROM marked
)
SELECT bidder, count(*) AS bids, min(date_time) AS window_start, max(date_time) + INTERVAL 10 SECOND AS window_end
FROM numbered
GROUP BY bidder, session
