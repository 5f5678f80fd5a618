"""The engine itself: what the entry point loads.

Apart from session and binding, which do the work, so that loading the engine
to plan opens no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from headwater.engines.duckdb.bind import Binding
from headwater.engines.duckdb.describe import describe
from headwater.engines.duckdb.session import DuckDBSession
from headwater.engines.duckdb.settings import EngineSettings, connect, prepare
from headwater.spi.codec import FileScan
from headwater.spi.engine import Session
from headwater.types import Json, Schema

__all__ = ["DuckDBEngine"]


class DuckDBEngine:
    """DuckDB inside this process.

    Parallelism: the threads of the ``threads`` setting within each statement.
    Durability: a committed epoch has been flushed to the state file's log.
    """

    name = "duckdb"

    def __init__(self) -> None:
        self._binding = Binding()
        self._prepared: dict[EngineSettings, duckdb.DuckDBPyConnection] = {}

    def bind(self, sql: str, relations: Mapping[str, Schema]) -> Schema:
        return self._binding.bind(sql, relations)

    def describe(self, scan: FileScan) -> Schema:
        return describe(scan)

    def prepare(self, settings: Mapping[str, Json]) -> None:
        read = EngineSettings.of(settings)
        self._prepared[read] = prepare(read)

    @contextmanager
    def open(self, state: str, settings: Mapping[str, Json]) -> Iterator[Session]:
        read = EngineSettings.of(settings)
        Path(state).parent.mkdir(parents=True, exist_ok=True)
        connection = connect(state, read, self._prepared.pop(read, None))
        session = DuckDBSession(connection, Path(f"{state}.wal"))
        try:
            yield session
        finally:
            session.close()
            connection.close()

    @contextmanager
    def query(self, settings: Mapping[str, Json]) -> Iterator[Session]:
        read = EngineSettings.of(settings)
        with TemporaryDirectory(prefix="headwater-") as spill:
            connection = connect(None, replace(read, temp_directory=read.temp_directory or spill))
            session = DuckDBSession(connection)
            try:
                yield session
            finally:
                session.close()
                connection.close()
