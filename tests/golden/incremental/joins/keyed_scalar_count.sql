SELECT a.k, (SELECT count(*) FROM b WHERE b.k = a.k) AS matches FROM a
