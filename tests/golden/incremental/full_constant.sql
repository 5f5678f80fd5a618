SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS w(n, word)
