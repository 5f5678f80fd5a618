SELECT a.k, a.v, b.w FROM a JOIN b ON a.k = b.k AND a.ts BETWEEN b.ts - INTERVAL 1 HOUR AND b.ts + INTERVAL 10 MINUTE
