SELECT o.a, p.price FROM orders AS o JOIN prices AS p ON p.s = o.s
