SELECT id FROM sales.a
