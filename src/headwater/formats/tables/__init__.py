"""Table formats, one folder each: parquet, delta, iceberg."""
