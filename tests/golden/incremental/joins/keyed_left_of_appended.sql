SELECT a.k, a.v, a.n, b.w FROM a LEFT JOIN b ON a.k = b.k AND (a.n > 1 OR b.w = 'x')
