MODEL (name a, renames (ident = id));
SELECT id FROM orders
