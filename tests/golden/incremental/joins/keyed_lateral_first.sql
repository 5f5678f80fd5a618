SELECT a.k, x.w FROM a LEFT JOIN LATERAL (SELECT b.w FROM b WHERE b.k = a.k ORDER BY b.ts, b.w LIMIT 1) AS x ON true
