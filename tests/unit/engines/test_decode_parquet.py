"""Parquet and Arrow: types are kept or converted exactly, damage is named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.dataset import dataset

from headwater.engines.duckdb import decode_parquet
from headwater.errors import DataError
from headwater.spi.codec import FileScan, ScanFile
from headwater.spi.engine import Landed, Session
from headwater.types import Column, DataType, Schema


def parquet(tmp_path: Path, *tables: pa.Table) -> FileScan:
    files = []
    for number, table in enumerate(tables):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(table, path)
        files.append(ScanFile(str(path), f"data/{number}.parquet", path.stat().st_size))
    return FileScan("parquet", tuple(files))


def rejects(session: Session) -> list[tuple[Any, ...]]:
    return session.fetch("SELECT raw, code, message, _hw_source, _hw_offset FROM r")


def copied(session: Session) -> bool:
    return session.fetch("SELECT count(*) FROM duckdb_tables() WHERE table_name = 't#base'") == [(1,)]


def test_files_are_scanned_where_they_lie(session: Session, tmp_path: Path) -> None:
    scan = parquet(tmp_path, pa.table({"x": [1, 2]}), pa.table({"x": [3]}))
    assert session.land('"t"', scan, schema=Schema.of({"x": "bigint"}), rejects='"r"') == Landed(3, 0)
    assert session.fetch("SELECT * FROM t ORDER BY x") == [
        (1, "data/0.parquet", 1),
        (2, "data/0.parquet", 2),
        (3, "data/1.parquet", 1),
    ]
    assert not copied(session)
    assert rejects(session) == []


def test_rows_that_many_read_are_copied(session: Session, tmp_path: Path) -> None:
    days = [date(2026, 1, 1), None, date(2026, 1, 3)]
    scan = parquet(tmp_path, pa.table({"x": [1, 2, 3], "day": days}), pa.table({"x": [4, 5]}))
    schema = Schema.of({"x": "bigint", "day": "date"})
    session.begin()
    assert session.land('"t"', scan, schema=schema, rejects='"r"', readers=decode_parquet.fewest_readers) == Landed(
        5, 0
    )
    assert copied(session)
    assert session.fetch("SELECT * FROM t ORDER BY x") == [
        (1, days[0], "data/0.parquet", 1),
        (2, None, "data/0.parquet", 2),
        (3, days[2], "data/0.parquet", 3),
        (4, None, "data/1.parquet", 1),
        (5, None, "data/1.parquet", 2),
    ]
    assert rejects(session) == []


def test_of_rows_that_many_read_what_is_needed_is_copied(session: Session, tmp_path: Path) -> None:
    scan = parquet(tmp_path, pa.table({"x": [1, 2, 3], "y": ["p", "q", "r"], "z": [1.5, None, 2.5]}))
    schema = Schema.of({"x": "bigint", "y": "varchar", "z": "double"})
    needed = [("z",)]
    landed = session.land('"t"', scan, schema=schema, needed=needed, readers=decode_parquet.fewest_readers)
    assert landed == Landed(3, 0, whole=False)
    assert copied(session)
    assert session.fetch("SELECT * FROM t ORDER BY _hw_offset") == [
        (None, None, 1.5, "data/0.parquet", 1),
        (None, None, None, "data/0.parquet", 2),
        (None, None, 2.5, "data/0.parquet", 3),
    ]


@pytest.mark.parametrize("limit", ["fewest_readers", "most_values", "texts"])
def test_few_readers_many_rows_and_texts_are_served_from_the_files(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    needed, readers = [("x",), ("y",)], decode_parquet.fewest_readers
    if limit == "texts":
        needed.append(("z",))
    else:
        monkeypatch.setattr(decode_parquet, limit, readers + 1 if limit == "fewest_readers" else 5)
    scan = parquet(tmp_path, pa.table({"x": [1, 2, 3], "y": [1, 2, 3], "z": ["a", "b", "c"]}))
    schema = Schema.of({"x": "bigint", "y": "bigint", "z": "varchar"})
    assert session.land('"t"', scan, schema=schema, needed=needed, readers=readers) == Landed(3, 0)
    assert not copied(session)
    assert session.fetch("SELECT sum(x) FROM t") == [(6,)]


def test_files_that_follow_are_read_in_place_of_those_before(session: Session, tmp_path: Path) -> None:
    schema = Schema.of({"x": "bigint", "y": "varchar"})
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        scan = parquet(folder, pa.table({"x": [number, 7], "y": ["a", None]}))
        session.begin()
        assert session.land('"t"', scan, schema=schema, rejects='"r"') == Landed(2, 0)
        assert session.fetch("SELECT * FROM t") == [
            (number, "a", "data/0.parquet", 1),
            (7, None, "data/0.parquet", 2),
        ]
        session.commit()


@pytest.mark.parametrize(
    ("column", "kept"),
    [
        (pa.array([1.5, 2.0]), [(2,)]),
        (pa.array([300, 2]), [(300,), (2,)]),
        (pa.array(["1", "x"]), [(1,)]),
        (pa.array([1, 2], pa.int8()), [(1,), (2,)]),
    ],
)
def test_columns_of_files_that_follow_are_looked_at(
    session: Session, tmp_path: Path, column: pa.Array, kept: list[Any]
) -> None:
    schema = Schema.of({"x": "integer"})
    plain = [pa.array([1, 2], pa.int32()), pa.array([3, 4], pa.int32()), pa.array([5, 6], pa.int32())]
    for number, values in enumerate((*plain[:2], column, plain[2])):
        folder = tmp_path / str(number)
        folder.mkdir()
        session.land('"t"', parquet(folder, pa.table({"x": values})), schema=schema, rejects='"r"')
        expected = kept if values is column else [(each,) for each in values.to_pylist()]
        assert session.fetch("SELECT x FROM t") == expected
        session.drop('"t"')
        session.drop('"r"')


def test_a_file_that_lacks_a_column_follows_one_that_has_it(session: Session, tmp_path: Path) -> None:
    schema = Schema.of({"s": "struct(a int, b int)", "y": "int"})
    tables = [
        pa.table({"s": [{"a": 1, "b": 2}], "y": pa.array([3], pa.int32())}),
        pa.table({"s": [{"a": 1, "b": 2}]}),
        pa.table({"t": [{"a": 1, "b": 2}], "y": pa.array([3], pa.int32())}),
    ]
    found = []
    for number, table in enumerate((*tables, *tables)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert session.land('"t"', parquet(folder, table), schema=schema) == Landed(1, 0)
        found += session.fetch("SELECT s.b, y FROM t")
        session.drop('"t"')
    assert found == [(2, 3), (2, None), (None, 3)] * 2


def test_columns_may_be_absent_or_more(session: Session, tmp_path: Path) -> None:
    scan = parquet(tmp_path, pa.table({"X": [1], "more": [0]}), pa.table({"y": ["a"], "x": [2]}))
    schema = Schema.of({"x": "bigint", "y": "varchar", "z": "date"})
    assert session.land('"t"', scan, schema=schema, rejects='"r"') == Landed(2, 0)
    assert session.fetch("SELECT x, y, z FROM t ORDER BY x") == [(1, None, None), (2, "a", None)]
    required = Schema((Column("z", DataType("DATE"), nullable=False),))
    with pytest.raises(DataError) as caught:
        session.land('"u"', scan, schema=required, rejects='"s"')
    assert caught.value.message == "data/0.parquet lacks the required column 'z'"


def test_other_types_are_converted_exactly_or_refused(session: Session, tmp_path: Path) -> None:
    table = pa.table({"i": [1, 300, 3], "d": [1.25, 2.5, 3.333], "t": ["1", "2", "3"]})
    schema = Schema.of({"i": "tinyint", "d": "decimal(5,2)", "t": "int"})
    assert session.land('"t"', parquet(tmp_path, table), schema=schema, rejects='"r"') == Landed(1, 2)
    assert session.fetch("SELECT * FROM t") == [(1, Decimal("1.25"), 1, "data/0.parquet", 1)]
    assert rejects(session) == [
        ('{"i":300,"d":2.5,"t":"2"}', "type", "column \"i\": '300' is not a TINYINT", "data/0.parquet", 2),
        ('{"i":3,"d":3.333,"t":"3"}', "type", "column \"d\": '3.333' is not a DECIMAL(5,2)", "data/0.parquet", 3),
    ]


def test_provenance_of_copied_files(session: Session, tmp_path: Path) -> None:
    scan = parquet(tmp_path, pa.table({"x": [1, 2]}), pa.table({"x": [3, 4]}))
    session.land('"t"', scan, schema=Schema.of({"x": "varchar"}), rejects='"r"')
    assert session.fetch("SELECT * FROM t ORDER BY x") == [
        ("1", "data/0.parquet", 1),
        ("2", "data/0.parquet", 2),
        ("3", "data/1.parquet", 1),
        ("4", "data/1.parquet", 2),
    ]


def damaged(content: bytes) -> dict[str, bytes]:
    middle, footer = len(content) // 2, 8 + int.from_bytes(content[-8:-4], "little")
    return {
        "empty": b"",
        "no parquet": b"id,name\n1,a\n",
        "truncated": content[:-20],
        "half": content[:middle],
        "footer": content[:-footer] + b"\xff" * 20 + content[20 - footer :],
    }


@pytest.mark.parametrize("kind", list(damaged(b"")))
def test_damaged_files_are_named(session: Session, tmp_path: Path, kind: str) -> None:
    scan = parquet(tmp_path, pa.table({"x": range(1000)}), pa.table({"x": range(1000)}))
    path = Path(scan.files[1].path)
    path.write_bytes(damaged(path.read_bytes())[kind])
    with pytest.raises(DataError) as caught:
        session.land('"t"', scan, schema=Schema.of({"x": "bigint"}), rejects='"r"')
    assert caught.value.message == "data/1.parquet cannot be read as Parquet"
    assert caught.value.hint == "write the file again, or move it out of the source's path"
    assert str(tmp_path) not in str(caught.value)


def test_damaged_pages_are_found_when_they_are_read(session: Session, tmp_path: Path) -> None:
    scan = parquet(tmp_path, pa.table({"x": [str(number) * 20 for number in range(10_000)]}))
    path = Path(scan.files[0].path)
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 5000 + content[5100:])
    session.land('"t"', scan, schema=Schema.of({"x": "varchar"}), rejects='"r"')
    with pytest.raises(DataError):
        session.create('"u"', "SELECT * FROM t")


def test_arrow_rows_carry_the_given_name(session: Session) -> None:
    table = pa.table({"x": [1, 2], "seen": pa.array([0, 1], pa.timestamp("ms", "Europe/Berlin"))})
    schema = Schema.of({"x": "int", "seen": "timestamptz"})
    for rows in (table, table.to_reader(), dataset(table)):
        assert session.land('"t"', rows, schema=schema, provenance="topic/0") == Landed(2, 0)
        assert session.fetch("SELECT x, _hw_source, _hw_offset FROM t") == [(1, "topic/0", 1), (2, "topic/0", 2)]
        assert session.fetch("SELECT min(seen) FROM t") == [(datetime(1970, 1, 1, tzinfo=UTC),)]
        session.drop('"t"')


def test_arrow_rows_keep_their_own_provenance(session: Session) -> None:
    table = pa.table({"x": ["1", "a"], "_hw_source": ["f", "g"], "_hw_offset": [7, 9]})
    assert session.land('"t"', table, schema=Schema.of({"x": "int"}), rejects='"r"') == Landed(1, 1)
    assert session.fetch("SELECT * FROM t") == [(1, "f", 7)]
    assert [(row[1], row[3], row[4]) for row in rejects(session)] == [("type", "g", 9)]


def test_arrow_rows_that_do_not_fit(session: Session) -> None:
    table = pa.table({"l": [[1.0], [1.5], None]})
    assert session.land('"t"', table, schema=Schema.of({"l": "int[]"}), rejects='"r"', provenance="p") == Landed(2, 1)
    assert session.fetch("SELECT l, _hw_offset FROM t") == [([1], 1), (None, 3)]
    assert rejects(session)[0][0] == '{"l":[1.5]}'
