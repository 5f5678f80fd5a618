MODEL (name q6, description 'Average selling price of the last eleven auctions of a seller that were closed');
SELECT seller, auction, avg(price) OVER (
    PARTITION BY seller ORDER BY date_time, auction ROWS BETWEEN 10 PRECEDING AND CURRENT ROW
  ) AS average
FROM (
  SELECT a.seller, a.id AS auction, b.price, b.date_time, row_number() OVER (
      PARTITION BY a.id ORDER BY b.price DESC, b.date_time, b.bidder
    ) AS place
  FROM auctions AS a
  JOIN bids AS b ON a.id = b.auction
  WHERE b.date_time BETWEEN a.date_time AND a.expires
) AS won
WHERE place = 1
