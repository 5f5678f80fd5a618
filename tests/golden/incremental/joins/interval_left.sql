SELECT a.k, a.ts, b.w FROM a LEFT JOIN b ON a.k = b.k AND b.ts >= a.ts AND b.ts <= a.ts + INTERVAL 30 MINUTE
