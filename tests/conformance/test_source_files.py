"""The files connector passes the source suite, for each way its files can be written."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.testing.sources import Feed, SourceSuite
from headwater.types import Json

Rows = Sequence[tuple[int, str]]


@dataclass
class Folder:
    """A folder into which every append writes one more file."""

    root: Path
    ending: str
    written: int = 0

    def options(self) -> Mapping[str, Json]:
        return {"path": f"data/*.{self.ending}"}

    def append(self, rows: Rows) -> None:
        path = self.root / "data" / f"{self.written:04d}.{self.ending}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(rows, self.ending))
        self.written += 1


def encoded(rows: Rows, ending: str) -> bytes:
    match ending:
        case "csv":
            text = io.StringIO()
            csv.writer(text).writerows([("id", "name"), *rows])
            return text.getvalue().encode()
        case "csv.gz":
            return gzip.compress(encoded(rows, "csv"))
        case "csv.zst":
            return bytes(pa.compress(encoded(rows, "csv"), "zstd", asbytes=True))
        case "csv.zip":
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                half = len(rows) // 2
                archive.writestr("a/1.csv", encoded(rows[:half], "csv"))
                archive.writestr("a/2.csv", encoded(rows[half:], "csv"))
            return packed.getvalue()
        case "ndjson":
            return "".join(json.dumps({"id": key, "name": name}) + "\n" for key, name in rows).encode()
        case "parquet":
            sink = pa.BufferOutputStream()
            pq.write_table(table(rows), sink)
            return bytes(sink.getvalue())
        case "arrow" | "arrows":
            sink = pa.BufferOutputStream()
            written = table(rows)
            new = pa.ipc.new_file if ending == "arrow" else pa.ipc.new_stream
            with new(sink, written.schema) as writer:
                writer.write_table(written)
            return bytes(sink.getvalue())
        case _:
            raise ValueError(ending)


def table(rows: Rows) -> pa.Table:
    return pa.table(
        {"id": pa.array([key for key, _ in rows], "int64"), "name": pa.array([n for _, n in rows], "string")}
    )


class FilesSuite(SourceSuite):
    kind = "files"
    ending: str
    wrong_options = (
        {},
        {"path": "/etc/passwd"},
        {"path": "../x.csv"},
        {"path": "data/*"},
        {"path": "data/*.csv", "delimeter": ";"},
        {"path": "data/*.csv", "format": "xls"},
        {"path": "data/*.parquet", "header": True},
    )

    @pytest.fixture
    def feed(self, tmp_path: Path) -> Feed:
        return Folder(tmp_path, self.ending)


class TestCsv(FilesSuite):
    ending = "csv"


class TestGzip(FilesSuite):
    ending = "csv.gz"


class TestZstd(FilesSuite):
    ending = "csv.zst"


class TestZip(FilesSuite):
    ending = "csv.zip"


class TestNdjson(FilesSuite):
    ending = "ndjson"


class TestParquet(FilesSuite):
    ending = "parquet"


class TestArrow(FilesSuite):
    ending = "arrow"


class TestArrowStream(FilesSuite):
    ending = "arrows"
