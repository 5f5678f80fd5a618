MODEL (nme x);
SELECT 1
