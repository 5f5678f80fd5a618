MODEL (name q13, description 'Bounded side input: a look-up of a table that does not change');
SELECT b.auction, b.bidder, b.price, b.date_time, s.value
FROM bids AS b
JOIN side_input AS s ON b.auction % 10000 = s.key
