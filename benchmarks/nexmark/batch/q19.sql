WITH top AS (
  SELECT auction, min({
      'price': -price, 'at': date_time, 'bidder': bidder, 'url': url, 'extra': extra, 'channel': channel
    }, 10) AS bids
  FROM bids
  GROUP BY auction
)
SELECT auction, bid.bidder, -bid.price AS price, bid.channel, bid.url, bid.at AS date_time, bid.extra, place
FROM (SELECT auction, unnest(bids) AS bid, generate_subscripts(bids, 1) AS place FROM top) AS unfolded
