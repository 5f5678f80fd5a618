MODEL (name revenue_by_day, grain (day), description 'What customers ordered, per day');
SELECT CAST(ordered_at AS DATE) AS day, count(*) AS orders, sum(amount) AS revenue
FROM orders
GROUP BY CAST(ordered_at AS DATE)
