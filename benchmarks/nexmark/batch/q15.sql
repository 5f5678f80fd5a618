WITH ranked AS (
  SELECT date_time::DATE::VARCHAR AS day, auction, bidder,
    CASE WHEN price < 10000 THEN 1 WHEN price < 1000000 THEN 2 ELSE 3 END AS rank
  FROM bids
)
SELECT day, count(*) AS total_bids, count_if(rank = 1) AS rank1_bids, count_if(rank = 2) AS rank2_bids,
  count_if(rank = 3) AS rank3_bids,
  len(list_distinct(list(bidder))) AS total_bidders,
  (SELECT count(*) FROM (SELECT DISTINCT bidder FROM ranked AS r WHERE r.day = ranked.day AND rank = 1)) AS rank1_bidders,
  (SELECT count(*) FROM (SELECT DISTINCT bidder FROM ranked AS r WHERE r.day = ranked.day AND rank = 2)) AS rank2_bidders,
  (SELECT count(*) FROM (SELECT DISTINCT bidder FROM ranked AS r WHERE r.day = ranked.day AND rank = 3)) AS rank3_bidders,
  len(list_distinct(list(auction))) AS total_auctions,
  (SELECT count(*) FROM (SELECT DISTINCT auction FROM ranked AS r WHERE r.day = ranked.day AND rank = 1)) AS rank1_auctions,
  (SELECT count(*) FROM (SELECT DISTINCT auction FROM ranked AS r WHERE r.day = ranked.day AND rank = 2)) AS rank2_auctions,
  (SELECT count(*) FROM (SELECT DISTINCT auction FROM ranked AS r WHERE r.day = ranked.day AND rank = 3)) AS rank3_auctions
FROM ranked
GROUP BY day
