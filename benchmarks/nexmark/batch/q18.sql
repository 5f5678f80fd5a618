SELECT auction, bidder, -last.price AS price, last.channel, last.url, make_timestamp(-last.at) AS date_time, last.extra
FROM (
  SELECT auction, bidder,
    min({'at': -epoch_us(date_time), 'price': -price, 'url': url, 'extra': extra, 'channel': channel}) AS last
  FROM bids
  GROUP BY auction, bidder
) AS latest
