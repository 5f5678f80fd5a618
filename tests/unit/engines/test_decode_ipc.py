"""Arrow files: mapped where they lie, converted exactly where their types differ, damage is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headwater.engines.duckdb.describe import describe
from headwater.errors import DataError
from headwater.spi.codec import FileScan, ScanFile
from headwater.spi.engine import Landed, Session
from headwater.types import Column, DataType, Schema


def arrow(tmp_path: Path, *tables: pa.Table, stream: bool = False) -> FileScan:
    files = []
    for number, table in enumerate(tables):
        path = tmp_path / f"{number}.arrow"
        with (pa.ipc.new_stream if stream else pa.ipc.new_file)(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        files.append(ScanFile(str(path), f"data/{number}.arrow", path.stat().st_size))
    return FileScan("arrow", tuple(files))


def rejects(session: Session) -> list[tuple[Any, ...]]:
    return session.fetch("SELECT raw, code, message, _hw_source, _hw_offset FROM r")


@pytest.mark.parametrize("stream", [False, True])
def test_files_are_scanned_where_they_lie(session: Session, tmp_path: Path, stream: bool) -> None:
    scan = arrow(tmp_path, pa.table({"x": [1, 2, 3]}), pa.table({"x": [4]}), stream=stream)
    assert session.land('"t"', scan, schema=Schema.of({"x": "bigint"}), rejects='"r"') == Landed(4, 0)
    assert session.fetch("SELECT * FROM t ORDER BY x") == [
        (1, "data/0.arrow", 1),
        (2, "data/0.arrow", 2),
        (3, "data/0.arrow", 3),
        (4, "data/1.arrow", 1),
    ]
    assert session.fetch("SELECT count(*) FROM duckdb_tables() WHERE table_name = 't#base'") == [(0,)]
    assert rejects(session) == []
    session.drop('"t"')
    assert session.fetch("SELECT view_name FROM duckdb_views() WHERE contains(view_name, 'mapped')") == []


def test_a_structure_is_read_as_it_is(session: Session, tmp_path: Path) -> None:
    table = pa.table({"bid": [{"auction": 7, "channel": "a"}, None]})
    schema = Schema.of({"bid": "STRUCT(auction BIGINT, channel VARCHAR)"})
    session.land('"t"', arrow(tmp_path, table), schema=schema)
    assert session.fetch("SELECT bid.auction FROM t ORDER BY _hw_offset") == [(7,), (None,)]
    assert session.fetch("SELECT count(*) FROM duckdb_tables() WHERE table_name = 't#base'") == [(0,)]


bid = "STRUCT(price BIGINT, channel VARCHAR, deep STRUCT(a INTEGER, b VARCHAR))"


@pytest.mark.parametrize("stream", [False, True])
def test_members_that_nobody_asks_for_may_be_left_out(session: Session, tmp_path: Path, stream: bool) -> None:
    deep = pa.struct({"a": pa.int32(), "b": pa.string()})
    members = pa.struct({"price": pa.int64(), "channel": pa.string(), "deep": deep})
    values = [
        {"price": 7, "channel": "a", "deep": {"a": 1, "b": "x"}},
        None,
        {"price": None, "channel": "c", "deep": None},
        {"price": 9, "channel": None, "deep": {"a": None, "b": None}},
    ]
    table = pa.table({"id": [1, 2, 3, 4], "Bid": pa.array(values, members), "note": [{"t": 1}] * 4})
    schema = Schema.of({"id": "bigint", "bid": bid, "note": "STRUCT(t BIGINT)"})
    scan = arrow(tmp_path, table, table.slice(3), table.slice(0, 0), pa.table({"id": [5]}), stream=stream)
    needed = [("id",), ("bid", "price"), ("BID", "deep", "b")]
    assert session.land('"t"', scan, schema=schema, needed=needed) == Landed(6, 0, whole=False)
    assert session.fetch("SELECT id, bid.price, bid.deep.b, bid IS NULL, bid.deep IS NULL FROM t ORDER BY ALL") == [
        (1, 7, "x", False, False),
        (2, None, None, True, True),
        (3, None, None, False, True),
        (4, 9, None, False, False),
        (4, 9, None, False, False),
        (5, None, None, True, True),
    ]
    assert session.fetch("SELECT DISTINCT typeof(bid), typeof(note) FROM t") == [(bid, "STRUCT(t BIGINT)")]
    session.drop('"t"')
    assert session.land('"t"', scan, schema=schema) == Landed(6, 0)
    assert session.fetch("SELECT bid.channel FROM t WHERE id = 3") == [("c",)]


def test_what_is_refused_does_not_depend_on_what_is_asked_for(session: Session, tmp_path: Path) -> None:
    scan = arrow(tmp_path, pa.table({"bid": [{"price": 7, "channel": "a", "deep": {"a": 1 << 40, "b": "x"}}, None]}))
    schema = Schema.of({"bid": bid})
    assert session.land('"t"', scan, schema=schema, rejects='"r"', needed=[("bid", "price")]) == Landed(1, 1)
    assert session.fetch("SELECT bid FROM t") == [(None,)]


def test_columns_may_be_absent_or_more(session: Session, tmp_path: Path) -> None:
    scan = arrow(tmp_path, pa.table({"X": [1], "more": [0]}), pa.table({"y": ["a"], "x": [2]}))
    schema = Schema.of({"x": "bigint", "y": "varchar", "z": "date"})
    assert session.land('"t"', scan, schema=schema, rejects='"r"') == Landed(2, 0)
    assert session.fetch("SELECT x, y, z FROM t ORDER BY x") == [(1, None, None), (2, "a", None)]
    required = Schema((Column("z", DataType("DATE"), nullable=False),))
    with pytest.raises(DataError) as caught:
        session.land('"u"', scan, schema=required, rejects='"s"')
    assert caught.value.message == "data/0.arrow lacks the required column 'z'"


def test_a_file_of_another_type_is_converted_exactly_or_refused(session: Session, tmp_path: Path) -> None:
    same, other = pa.table({"i": pa.array([1], "int8")}), pa.table({"i": [2, 300]})
    scan = arrow(tmp_path, same, other)
    assert session.land('"t"', scan, schema=Schema.of({"i": "tinyint"}), rejects='"r"') == Landed(2, 1)
    assert session.fetch("SELECT * FROM t ORDER BY i") == [(1, "data/0.arrow", 1), (2, "data/1.arrow", 1)]
    assert [row[0:2] + row[3:] for row in rejects(session)] == [('{"i":300}', "type", "data/1.arrow", 2)]


def test_the_columns_of_all_files_are_inferred(tmp_path: Path) -> None:
    found = describe(arrow(tmp_path, pa.table({"a": [1]}), pa.table({"b": ["x"], "a": [2]})))
    assert {column.name: str(column.type) for column in found} == {"a": "BIGINT", "b": "VARCHAR"}


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"ARROW1\0\0 and nothing that is Arrow", b"id,name\n1,a\n"])
def test_what_is_not_arrow_is_named(session: Session, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.arrow"
    path.write_bytes(content)
    scan = FileScan("arrow", (ScanFile(str(path), "data/x.arrow", len(content)),))
    with pytest.raises(DataError) as caught:
        session.land('"t"', scan, schema=Schema.of({"x": "bigint"}))
    assert caught.value.message == "data/x.arrow cannot be read as Arrow"


def test_a_file_that_ends_too_early_is_named(session: Session, tmp_path: Path) -> None:
    scan = arrow(tmp_path, pa.table({"x": list(range(10_000))}), stream=True)
    path = Path(scan.files[0].path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(DataError) as caught:
        session.land('"t"', scan, schema=Schema.of({"x": "bigint"}))
    assert caught.value.message == "data/0.arrow cannot be read as Arrow"
