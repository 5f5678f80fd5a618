SELECT o.a, x.item, unnest([1, 2]) AS copy
FROM orders AS o, unnest(o.xs) AS x(item)
