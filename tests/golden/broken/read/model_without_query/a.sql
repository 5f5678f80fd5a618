MODEL (name a);
-- the query comes later
