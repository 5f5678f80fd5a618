MODEL (name q12, description 'Bids of a bidder in ten seconds (of event time: processing time has no repeatable answer)');
SELECT bidder, count(*) AS bids, window_start, window_end
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(date_time), INTERVAL '10' SECOND))
GROUP BY bidder, window_start, window_end
