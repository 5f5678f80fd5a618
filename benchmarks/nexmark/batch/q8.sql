SELECT DISTINCT p.id, p.name, make_timestamp(epoch_ms(p.date_time) // 10000 * 10000000) AS window_start
FROM persons AS p
SEMI JOIN auctions AS a ON p.id = a.seller AND epoch_ms(p.date_time) // 10000 = epoch_ms(a.date_time) // 10000
