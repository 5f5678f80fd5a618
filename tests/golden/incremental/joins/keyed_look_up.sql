SELECT a.k, a.v, c.name FROM a JOIN c ON a.k = c.k
