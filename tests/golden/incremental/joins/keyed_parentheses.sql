SELECT a.v, b.w, c.name FROM a LEFT JOIN (b JOIN c ON b.k = c.k) ON a.k = b.k
