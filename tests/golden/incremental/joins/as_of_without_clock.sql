SELECT a.k, a.n, b.k AS at FROM a ASOF LEFT JOIN (SELECT DISTINCT k FROM b WHERE k > 0) AS b ON a.n >= b.k
