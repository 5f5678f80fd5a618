MODEL (name a, grain (ident));
SELECT id FROM orders
