WITH words AS (SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS w(n, word))
SELECT o.a, w.word
FROM orders AS o
LEFT JOIN words AS w ON w.n = o.a
