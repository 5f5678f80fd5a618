SELECT b.k, b.ts, a.v FROM a RIGHT JOIN b ON a.k = b.k AND b.ts >= a.ts AND b.ts <= a.ts + INTERVAL 30 MINUTE
