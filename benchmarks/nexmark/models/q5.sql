MODEL (name q5, description 'Hot items: the auctions with most bids in the last ten seconds, every two seconds');
WITH counted AS (
  SELECT window_start, window_end, auction, count(*) AS bids
  FROM TABLE(HOP(TABLE bids, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
  GROUP BY window_start, window_end, auction
), most AS (
  SELECT window_start, window_end, max(bids) AS bids FROM counted GROUP BY window_start, window_end
)
SELECT c.window_start, c.window_end, c.auction, c.bids
FROM counted AS c
JOIN most AS m ON c.window_start = m.window_start AND c.window_end = m.window_end AND c.bids >= m.bids
