WITH open_bids AS (
  SELECT a.id, a.category, b.price
  FROM auctions AS a, bids AS b
  WHERE a.id = b.auction AND b.date_time >= a.date_time AND b.date_time <= a.expires
), final AS (
  SELECT id, any_value(category) AS category, max(price) AS price FROM open_bids GROUP BY id
)
SELECT category, avg(price) AS average FROM final GROUP BY category
