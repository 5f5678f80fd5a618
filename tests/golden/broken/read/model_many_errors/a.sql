MODEL (
  name a,
  outputt delta,
  grain (id id),
  partition_by (dya(ts), bucket(x)),
  description hello,
  tags (a, ),
  renames (new old)
);
SELECT 1 AS id
