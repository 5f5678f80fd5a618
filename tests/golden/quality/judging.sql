-- "judged.shop.orders#missing1"
SELECT DISTINCT c."tenant" AS _hw_value0 FROM "candidate.shop.orders" AS c WHERE c."tenant" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "history.crm.tenants" AS h WHERE h."id" = c."tenant")

-- "judged.shop.orders#key1"
SELECT _hw_key0, bool_or(held) AS held FROM (SELECT c."tenant" AS _hw_key0, FALSE AS held FROM "candidate.shop.orders" AS c WHERE c."tenant" IS NOT NULL AND coalesce("unit" IS NOT NULL, TRUE) AND coalesce("unit" IN ('kg', 'g'), TRUE) AND NOT EXISTS (SELECT 1 FROM "judged.shop.orders#missing1" AS m WHERE m._hw_value0 = c."tenant") GROUP BY c."tenant" HAVING count(*) > 1 UNION ALL SELECT DISTINCT c."tenant" AS _hw_key0, TRUE AS held FROM "candidate.shop.orders" AS c WHERE c."tenant" IS NOT NULL AND coalesce("unit" IS NOT NULL, TRUE) AND coalesce("unit" IN ('kg', 'g'), TRUE) AND NOT EXISTS (SELECT 1 FROM "judged.shop.orders#missing1" AS m WHERE m._hw_value0 = c."tenant") AND EXISTS (SELECT 1 FROM "history.shop.orders" AS h WHERE h."tenant" = c."tenant")) GROUP BY _hw_key0

-- "judged.shop.orders"
WITH RECURSIVE competing AS MATERIALIZED (SELECT c.*, row_number() OVER (ORDER BY c._hw_source NULLS LAST, c._hw_offset NULLS LAST, c."unit" NULLS LAST, c."tenant" NULLS LAST) AS _hw_rank, EXISTS (SELECT 1 FROM "judged.shop.orders#key1" AS k WHERE k._hw_key0 = c."tenant" AND k.held) AS _hw_held1 FROM (SELECT c.* FROM "candidate.shop.orders" AS c WHERE coalesce("unit" IS NOT NULL, TRUE) AND coalesce("unit" IN ('kg', 'g'), TRUE) AND NOT EXISTS (SELECT 1 FROM "judged.shop.orders#missing1" AS m WHERE m._hw_value0 = c."tenant") AND EXISTS (SELECT 1 FROM "judged.shop.orders#key1" AS k WHERE k._hw_key0 = c."tenant")) AS c), decided AS (SELECT *, CASE WHEN c._hw_held1 OR row_number() OVER (PARTITION BY c."tenant" ORDER BY c._hw_rank) > 1 THEN ['unique:tenant'] ELSE [] END AS _hw_codes FROM competing AS c) SELECT c."unit", c."tenant", c._hw_source, c._hw_offset, CAST(c._hw_codes AS VARCHAR[]) AS _hw_codes FROM decided AS c

-- "rejected.shop.orders"
WITH refused AS (SELECT _hw_source AS source, _hw_offset AS "offset", CAST(NULL AS VARCHAR) AS raw, CAST(to_json({'unit': "unit", 'tenant': "tenant"}) AS VARCHAR) AS "row", list_filter([CASE WHEN NOT coalesce("unit" IS NOT NULL, TRUE) THEN 'required:unit' END, CASE WHEN NOT coalesce("unit" IN ('kg', 'g'), TRUE) THEN 'enum:unit' END, CASE WHEN EXISTS (SELECT 1 FROM "judged.shop.orders#missing1" AS m WHERE m._hw_value0 = c."tenant") THEN 'reference:tenant->crm.tenants.id' END], lambda _hw_code: _hw_code IS NOT NULL) AS codes, CAST(NULL AS VARCHAR) AS message FROM "candidate.shop.orders" AS c WHERE NOT coalesce("unit" IS NOT NULL, TRUE) OR NOT coalesce("unit" IN ('kg', 'g'), TRUE) OR EXISTS (SELECT 1 FROM "judged.shop.orders#missing1" AS m WHERE m._hw_value0 = c."tenant") UNION ALL SELECT _hw_source AS source, _hw_offset AS "offset", CAST(NULL AS VARCHAR) AS raw, CAST(to_json({'unit': "unit", 'tenant': "tenant"}) AS VARCHAR) AS "row", _hw_codes AS codes, CAST(NULL AS VARCHAR) AS message FROM "judged.shop.orders" WHERE len(_hw_codes) > 0 UNION ALL SELECT _hw_source AS source, _hw_offset AS "offset", raw, CAST(NULL AS VARCHAR) AS "row", [code] AS codes, message FROM "malformed.shop.orders"), numbered AS (SELECT *, row_number() OVER (PARTITION BY source, "offset", raw, "row") AS ordinal FROM refused) SELECT md5('shop.orders' || chr(31) || coalesce(source, '') || chr(31) || coalesce(CAST("offset" AS VARCHAR), '') || chr(31) || coalesce(raw, '') || chr(31) || coalesce("row", '') || chr(31) || CASE WHEN source IS NULL THEN CAST("run".epoch AS VARCHAR) ELSE '' END || chr(31) || CAST(ordinal AS VARCHAR)) AS quarantine_id, "run".run AS run, "run".epoch AS epoch, 'shop.orders' AS relation, codes, '1.0.0' AS contract_version, source, "offset", raw, "row", message, "run".at AS quarantined_at FROM numbered, "run"

-- "change.shop.orders"
SELECT "unit", "tenant", _hw_source, _hw_offset FROM "candidate.shop.orders" AS c WHERE coalesce("unit" IS NOT NULL, TRUE) AND coalesce("unit" IN ('kg', 'g'), TRUE) AND NOT EXISTS (SELECT 1 FROM "judged.shop.orders#missing1" AS m WHERE m._hw_value0 = c."tenant") AND NOT EXISTS (SELECT 1 FROM "judged.shop.orders#key1" AS k WHERE k._hw_key0 = c."tenant") UNION ALL SELECT "unit", "tenant", _hw_source, _hw_offset FROM "judged.shop.orders" WHERE len(_hw_codes) = 0

-- "change.shop.orders"
SELECT "unit", "tenant", _hw_source, _hw_offset FROM "candidate.shop.orders"

-- "accepted.shop.orders"
SELECT "unit", "tenant" FROM "change.shop.orders"

-- nullValues:unit, duplicateValues:unit
WITH content AS (SELECT "unit", "tenant" FROM "history.shop.orders" UNION ALL SELECT "unit", "tenant" FROM "accepted.shop.orders") SELECT count(*) FILTER ("unit" IS NULL), (count(*) FILTER ("unit" IS NOT NULL) - count(DISTINCT "unit") FILTER ("unit" IS NOT NULL)) FROM content

-- sql:1
WITH content AS (SELECT "unit", "tenant" FROM "history.shop.orders" UNION ALL SELECT "unit", "tenant" FROM "accepted.shop.orders") SELECT (SELECT COUNT(*) FROM "content" AS "content")
