"""Sessions on the embedded engine, and files to land in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.engines.duckdb import DuckDBEngine
from headwater.spi.codec import FileScan, RecordFormat, ScanFile
from headwater.spi.engine import Session
from headwater.types import Json

Scan = Callable[..., FileScan]


@pytest.fixture(scope="session")
def engine() -> DuckDBEngine:
    return DuckDBEngine()


@pytest.fixture
def session(engine: DuckDBEngine) -> Iterator[Session]:
    with engine.query({"threads": 2}) as opened:
        yield opened


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Write contents to files and describe them: ``scan("csv", b"...", b"...", null="NA")``."""

    def write(format: RecordFormat, *contents: bytes, suffix: str = "", **options: Json) -> FileScan:
        files = []
        for number, content in enumerate(contents):
            path = tmp_path / f"{number}.{format}{suffix}"
            path.write_bytes(content)
            files.append(ScanFile(str(path), f"data/{path.name}", len(content)))
        return FileScan(format, tuple(files), None, options)

    return write
