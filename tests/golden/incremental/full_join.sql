SELECT o.a, r.s FROM orders AS o JOIN returns AS r ON o.a = r.a
