SELECT id FROM orders AS a JOIN orders AS b ON a.id = b.id
