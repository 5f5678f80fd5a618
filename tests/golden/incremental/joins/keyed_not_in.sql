SELECT a.k, a.n FROM a WHERE a.n NOT IN (SELECT c.k FROM c)
