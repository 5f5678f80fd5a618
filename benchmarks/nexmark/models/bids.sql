MODEL (name bids, output view, description 'What is offered');
SELECT bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.channel AS channel, bid.url AS url,
  date_time, bid.extra AS extra
FROM events
WHERE event_type = 2
