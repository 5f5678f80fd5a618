SELECT a.k, b.k AS k2, a.ts, b.ts AS ts2 FROM a FULL JOIN b ON a.k = b.k AND a.ts - b.ts BETWEEN - INTERVAL 20 MINUTE AND INTERVAL 1 HOUR
