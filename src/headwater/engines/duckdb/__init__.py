"""The embedded engine: DuckDB, one file for each product and environment."""

from headwater.engines.duckdb.engine import DuckDBEngine

__all__ = ["DuckDBEngine"]
