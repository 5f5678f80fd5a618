SELECT DISTINCT ON (customer, quantity) customer, quantity, id FROM orders ORDER BY customer, quantity, placed_at, id
