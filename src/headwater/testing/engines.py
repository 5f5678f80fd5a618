"""The conformance suite for engines: subclass it, name the engine, and pytest runs it.

    class TestMyEngine(EngineSuite):
        name = "mine"

It tests what the commit protocol stands on: atomic epochs, one writer, work
relations that end with the epoch, and rows that are decoded or refused once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import DataError, DeclarationError, HeadwaterError, UsageError
from headwater.relations import relation
from headwater.spi import discovery
from headwater.spi.codec import FileScan, ParquetTarget, RecordFormat, ScanFile
from headwater.spi.engine import BesideWriter, Engine, Landed, ParquetWriter, Session
from headwater.types import Column, DataType, Json, RelationName, Schema

__all__ = ["EngineSuite"]

orders = RelationName("kit", "orders")
change, malformed, candidate = relation("change", orders), relation("malformed", orders), relation("candidate", orders)
columns = Schema.of({"id": "INTEGER", "name": "VARCHAR"})


class EngineSuite:
    """What every engine promises; see :mod:`headwater.spi.engine`. Override :attr:`name` and, if need be, settings."""

    name: str
    settings: Mapping[str, Json] = {}

    @pytest.fixture
    def engine(self) -> Engine:
        return discovery.engine(self.name)

    @pytest.fixture
    def state(self, tmp_path: Path) -> str:
        return str(tmp_path / "state" / "kit.db")

    @pytest.fixture
    def session(self, engine: Engine, state: str) -> Iterator[Session]:
        with engine.open(state, self.settings) as opened:
            yield opened

    def test_it_is_found_by_its_name(self, engine: Engine) -> None:
        assert engine.name == self.name

    def test_binding_gives_exact_columns(self, engine: Engine) -> None:
        found = engine.bind('SELECT name, count(*) AS n FROM "kit.orders" GROUP BY name', {'"kit.orders"': columns})
        assert found == Schema.of({"name": "VARCHAR", "n": "BIGINT"})
        with pytest.raises(DeclarationError):
            engine.bind('SELECT nothing FROM "kit.orders"', {'"kit.orders"': columns})

    def test_a_committed_epoch_is_durable(self, engine: Engine, state: str) -> None:
        with engine.open(state, self.settings) as session:
            session.begin()
            session.execute("CREATE TABLE kept (x INTEGER)")
            session.execute("INSERT INTO kept VALUES (?)", [7])
            session.commit()
        with engine.open(state, self.settings) as session:
            assert session.fetch("SELECT x FROM kept") == [(7,)]

    def test_an_epoch_that_was_not_committed_never_was(self, engine: Engine, state: str) -> None:
        with engine.open(state, self.settings) as session:
            session.begin()
            session.execute("CREATE TABLE kept (x INTEGER)")
            session.commit()
            session.begin()
            session.execute("INSERT INTO kept VALUES (1)")
            session.rollback()
            session.begin()
            session.execute("INSERT INTO kept VALUES (2)")
        with engine.open(state, self.settings) as session:
            assert session.fetch("SELECT count(*) FROM kept") == [(0,)]

    def test_work_relations_end_with_the_epoch(self, session: Session) -> None:
        for end in (session.commit, session.rollback):
            session.begin()
            assert session.create(change, "SELECT 1 AS id UNION ALL SELECT 2") == 2
            session.define(candidate, f"SELECT id FROM {change}")
            assert session.fetch(f"SELECT count(*) FROM {candidate}") == [(2,)]
            end()
            with pytest.raises(HeadwaterError):
                session.fetch(f"SELECT * FROM {change}")

    def test_state_may_be_made_of_work_relations(self, session: Session) -> None:
        session.begin()
        session.land(change, _arrow([1, 2], ["a", "b"]), schema=columns, provenance="kit")
        session.execute(f"CREATE TABLE kept AS SELECT id, _hw_source, _hw_offset FROM {change}")
        session.commit()
        assert session.fetch("SELECT * FROM kept ORDER BY id") == [(1, "kit", 1), (2, "kit", 2)]

    def test_rows_are_taken_out_of_state(self, session: Session) -> None:
        session.begin()
        session.execute("CREATE TABLE held (x INTEGER)")
        session.execute("INSERT INTO held VALUES (1), (2), (2), (3)")
        session.commit()
        session.begin()
        assert session.take(change, "held", "kept.x < $1", [3]) == 3
        assert session.fetch(f"SELECT x FROM {change} ORDER BY x") == [(1,), (2,), (2,)]
        session.rollback()
        assert session.fetch("SELECT count(*) FROM held") == [(4,)]
        session.begin()
        session.execute("INSERT INTO held SELECT x FROM range(200000) AS r (x)")
        assert session.take(change, "held", "x % 2 = 0") == 100_002
        assert session.create(candidate, "SELECT x + $1 AS x FROM held", [1]) == 100_002
        session.commit()
        assert session.fetch("SELECT count(*), min(x) FROM held") == [(100_002, 1)]

    def test_a_second_writer_is_refused(self, engine: Engine, state: str) -> None:
        import subprocess
        import sys

        program = (
            "import sys\nfrom headwater.spi import discovery\nfrom headwater.errors import UsageError\n"
            f"try:\n    with discovery.engine({self.name!r}).open({state!r}, {dict(self.settings)!r}): pass\n"
            "except UsageError: sys.exit(42)\n"
        )
        with engine.open(state, self.settings):
            second = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
        assert second.returncode == 42

    @pytest.mark.parametrize("format", ["csv", "ndjson"])
    def test_records_are_landed_or_refused(self, session: Session, tmp_path: Path, format: RecordFormat) -> None:
        texts: dict[str, str] = {
            "csv": "id,name\n1,a\nx,b\n3\n4,d\n",
            "ndjson": '{"id": 1, "name": "a"}\n{"id": "x"}\n3\n{"id": 4, "name": "d"}\n',
        }
        scan = _file(tmp_path, format, texts[format].encode())
        assert session.land(change, scan, schema=columns, rejects=malformed) == Landed(rows=2, malformed=2)
        assert session.fetch(f"SELECT * FROM {change} ORDER BY id") == [
            (1, "a", "data/kit", 1),
            (4, "d", "data/kit", 4),
        ]
        refused = session.fetch(f"SELECT raw, _hw_source, _hw_offset FROM {malformed} ORDER BY _hw_offset")
        lines = texts[format].splitlines()[1 if format == "csv" else 0 :]
        assert refused == [(lines[1], "data/kit", 2), (lines[2], "data/kit", 3)]

    def test_without_rejects_a_bad_record_is_an_error(self, session: Session, tmp_path: Path) -> None:
        with pytest.raises(DataError):
            session.land(change, _file(tmp_path, "csv", b"id,name\nx,b\n"), schema=columns)

    def test_parquet_is_landed_and_viewed(self, session: Session, tmp_path: Path) -> None:
        import pyarrow.parquet

        path = tmp_path / "kit.parquet"
        pyarrow.parquet.write_table(_arrow([1, 2], ["a", "b"]), path)
        scan = FileScan("parquet", (ScanFile(str(path), "data/kit", path.stat().st_size),))
        assert session.land(change, scan, schema=columns, rejects=malformed) == Landed(rows=2, malformed=0)
        session.view(candidate, scan, schema=columns)
        assert session.fetch(f"SELECT id, name FROM {change} ORDER BY id") == [(1, "a"), (2, "b")]
        assert session.fetch(f"SELECT * FROM {candidate} ORDER BY id") == [(1, "a"), (2, "b")]

    def test_arrow_is_landed_in_order(self, session: Session) -> None:
        table = _arrow(list(range(10_000)), ["x"] * 10_000)
        for rows in (table, table.to_reader(max_chunksize=999)):
            assert session.land(change, rows, schema=columns, provenance="topic/3") == Landed(10_000, 0)
            query = f"SELECT count(*) FROM {change} WHERE _hw_offset = id + 1 AND _hw_source = 'topic/3'"
            assert session.fetch(query) == [(10_000,)]
            session.drop(change)

    def test_results_stream_in_order(self, session: Session) -> None:
        session.create(change, "SELECT 1 AS id UNION ALL SELECT 2 UNION ALL SELECT 3")
        reader = session.reader(f"SELECT id FROM {change} WHERE id > ? ORDER BY id DESC", [1])
        assert reader.read_all().column("id").to_pylist() == [3, 2]

    def test_results_are_written_as_parquet(self, session: Session, tmp_path: Path) -> None:
        """A session that cannot write files passes: it is asked for streams."""
        import pyarrow.parquet

        if not isinstance(session, ParquetWriter):
            return
        session.land(change, _arrow(list(range(500_000)), ["x"] * 500_000), schema=columns, provenance="kit")
        target = ParquetTarget(str(tmp_path / "a" / "b"), columns, "snappy", 500_000, {"id": 7, "name": 9})
        files = session.write_parquet(f"SELECT name, id FROM {change}", target)
        assert files is not None
        paths = [Path(target.folder) / file.name for file in files]
        assert [(path.stat().st_size, path.suffix) for path in paths] == [(file.size, ".parquet") for file in files]
        assert len(files) > 1
        tables = [pyarrow.parquet.read_table(path) for path in paths]
        assert [table.num_rows for table in tables] == [file.rows for file in files]
        found = pyarrow.concat_tables(tables)
        assert sorted(found.column("id").to_pylist()) == list(range(500_000))
        ids = {field.name: (field.metadata or {}).get(b"PARQUET:field_id") for field in found.schema}
        assert ids == {"id": b"7", "name": b"9"}
        known = Schema.of({"id": "INTEGER", "name": "VARCHAR"})
        again = session.write_parquet(f"SELECT * FROM {change}", ParquetTarget(str(tmp_path / "d"), columns), known)
        assert again is not None
        assert [file.rows for file in again] == [500_000]
        nowhere = ParquetTarget(str(tmp_path / "c"), columns)
        assert session.write_parquet(f"SELECT * FROM {change} WHERE false", nowhere) == ()

    def test_results_written_beside_are_of_their_time(self, session: Session, tmp_path: Path) -> None:
        """A session that writes nothing beside its statements passes."""
        import pyarrow.parquet

        if not isinstance(session, BesideWriter):
            return
        target = ParquetTarget(str(tmp_path / "a"), Schema.of({"id": "INTEGER"}))
        session.create(change, "SELECT 1 AS id UNION ALL SELECT 2")
        session.define(candidate, f"SELECT id * 10 AS id FROM {change}")
        files = session.write_parquet_beside(f"SELECT id FROM {candidate} ORDER BY id", target)
        session.drop(candidate)
        session.drop(change)
        session.create(change, "SELECT 9 AS id")
        assert files is not None
        found = [pyarrow.parquet.read_table(Path(target.folder) / file.name)["id"].to_pylist() for file in files()]
        assert found == [[10, 20]]
        session.drop(change)
        with pytest.raises(DataError):
            (
                session.write_parquet_beside("SELECT 3000000000 AS id", replace(target, folder=str(tmp_path / "b")))
                or list
            )()

    @pytest.mark.parametrize(
        ("value", "kind", "nullable"),
        [
            ("1.5", "INTEGER", True),
            ("CAST('2024-01-01' AS TIMESTAMP_NS)", "TIMESTAMP", True),
            ("1", "INTEGER", False),
        ],
    )
    def test_what_cannot_be_written_exactly_is_not_written(
        self, session: Session, tmp_path: Path, value: str, kind: str, nullable: bool
    ) -> None:
        if not isinstance(session, ParquetWriter):
            return
        schema = Schema((Column("id", DataType.parse(kind), nullable),))
        assert session.write_parquet(f"SELECT {value} AS id", ParquetTarget(str(tmp_path / "a"), schema)) is None
        assert list(tmp_path.rglob("*.parquet")) == []

    def test_a_value_that_does_not_fit_is_an_error(self, session: Session, tmp_path: Path) -> None:
        if not isinstance(session, ParquetWriter):
            return
        target = ParquetTarget(str(tmp_path / "a"), Schema.of({"id": "INTEGER"}))
        with pytest.raises(DataError):
            session.write_parquet("SELECT 3000000000 AS id", target)

    def test_dropping_what_is_not_there_is_an_error(self, session: Session) -> None:
        with pytest.raises(UsageError):
            session.drop(change)


def _arrow(ids: list[int], names: list[str]) -> Any:
    import pyarrow

    return pyarrow.table({"id": pyarrow.array(ids, pyarrow.int32()), "name": names})


def _file(folder: Path, format: RecordFormat, content: bytes) -> FileScan:
    path = folder / f"kit.{format}"
    path.write_bytes(content)
    return FileScan(format, (ScanFile(str(path), "data/kit", len(content)),))
