SELECT a.k, a.v, c.name FROM a LEFT JOIN c ON a.k = c.k AND a.n > 1
