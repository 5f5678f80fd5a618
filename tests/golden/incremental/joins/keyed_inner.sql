SELECT a.k, a.v, b.w FROM a JOIN b ON a.k = b.k
