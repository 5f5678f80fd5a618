-- A bid at t lies in the five windows that begin at the even seconds in (t - 10 s, t].
WITH hits AS (
  SELECT auction, epoch_ms(date_time) // 2000 - step AS slice
  FROM bids, (VALUES (0), (1), (2), (3), (4)) AS steps (step)
), counted AS (
  SELECT slice, auction, count(*) AS bids FROM hits GROUP BY slice, auction
)
SELECT make_timestamp(slice * 2000000) AS window_start, make_timestamp(slice * 2000000 + 10000000) AS window_end,
  auction, bids
FROM (SELECT *, max(bids) OVER (PARTITION BY slice) AS most FROM counted) AS compared
WHERE bids = most
