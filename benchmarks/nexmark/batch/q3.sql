SELECT p.name, p.city, p.state, a.id
FROM persons AS p, auctions AS a
WHERE p.id = a.seller AND a.category = 10 AND (p.state = 'OR' OR p.state = 'ID' OR p.state = 'CA')
