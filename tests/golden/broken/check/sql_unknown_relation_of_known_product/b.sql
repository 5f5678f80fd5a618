SELECT id FROM sales.aa
