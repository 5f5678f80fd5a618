"""The embedded engine passes the engine suite."""

from __future__ import annotations

from headwater.testing.engines import EngineSuite


class TestDuckDB(EngineSuite):
    name = "duckdb"
    settings = {"threads": 1, "memory_limit": "500MB"}  # noqa: RUF012


class TestDuckDBOfTwoThreads(EngineSuite):
    name = "duckdb"
    settings = {"threads": 2, "memory_limit": "500MB"}  # noqa: RUF012
