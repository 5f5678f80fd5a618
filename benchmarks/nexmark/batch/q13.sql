SELECT auction, bidder, price, date_time,
  (SELECT value FROM side_input WHERE key = auction % 10000) AS value
FROM bids
