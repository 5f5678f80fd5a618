SELECT k, a.n, c.name FROM a FULL JOIN c USING (k)
