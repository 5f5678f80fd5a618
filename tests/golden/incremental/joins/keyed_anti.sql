SELECT c.k, c.name FROM c WHERE NOT EXISTS (SELECT 1 FROM a WHERE a.k = c.k AND a.n = 2)
