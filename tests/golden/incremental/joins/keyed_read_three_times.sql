SELECT x.n, y.n AS n2, z.v FROM a AS x JOIN a AS y ON x.k = y.k AND x.n <> y.n LEFT JOIN a AS z ON z.n = y.k
