MODEL (name q9, description 'Winning bids: the best bid of each auction while it was open');
SELECT id, item_name, initial_bid, reserve, opened_at, expires, seller, category, bidder, price, bid_at, extra
FROM (
  SELECT a.id, a.item_name, a.initial_bid, a.reserve, a.date_time AS opened_at, a.expires, a.seller, a.category,
    b.bidder, b.price, b.date_time AS bid_at, b.extra,
    row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.date_time, b.bidder, b.extra) AS place
  FROM auctions AS a
  JOIN bids AS b ON a.id = b.auction
  WHERE b.date_time BETWEEN a.date_time AND a.expires
) AS ranked
WHERE place = 1
