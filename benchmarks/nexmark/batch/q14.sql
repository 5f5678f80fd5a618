SELECT auction, bidder, 0.908 * price AS price,
  CASE WHEN epoch_ms(date_time) // 3600000 % 24 IN (8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18) THEN 'dayTime'
    WHEN epoch_ms(date_time) // 3600000 % 24 IN (7, 19) THEN 'otherTime' ELSE 'nightTime' END AS bid_time_type,
  date_time, extra, len(list_filter(string_split(extra, ''), lambda c: c = 'c')) AS c_count
FROM bids
WHERE price * 908 > 1000000000 AND price * 908 < 50000000000
