SELECT t.x, c.name FROM (VALUES (1), (NULL), (9)) AS t(x) LEFT JOIN c ON c.k = t.x
