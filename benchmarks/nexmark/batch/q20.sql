SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.date_time AS bid_at, b.extra AS bid_extra,
  a.item_name, a.description, a.initial_bid, a.reserve, a.date_time AS opened_at, a.expires, a.seller, a.category,
  a.extra AS auction_extra
FROM (FROM auctions WHERE category = 10) AS a, bids AS b
WHERE a.id = b.auction
