SELECT id, item_name, initial_bid, reserve, opened_at, expires, seller, category, best.bidder, -best.price AS price,
  best.bid_at, best.extra
FROM (
  SELECT a.id, a.item_name, a.initial_bid, a.reserve, a.date_time AS opened_at, a.expires, a.seller, a.category,
    min({'price': -b.price, 'bid_at': b.date_time, 'bidder': b.bidder, 'extra': b.extra}) AS best
  FROM auctions AS a, bids AS b
  WHERE a.id = b.auction AND b.date_time >= a.date_time AND b.date_time <= a.expires
  GROUP BY ALL
) AS won
