SELECT a.k, a.v, b.ts AS since FROM a ASOF LEFT JOIN b ON a.k = b.k AND a.ts > b.ts
