SELECT bidder, count(*) AS bids, make_timestamp(slice * 10000000) AS window_start,
  make_timestamp(slice * 10000000 + 10000000) AS window_end
FROM (SELECT bidder, epoch_ms(date_time) // 10000 AS slice FROM bids) AS sliced
GROUP BY bidder, slice
