"""Cases of the table suite about files that an engine wrote, see :class:`headwater.spi.table.FileStager`.

A table that takes none is given a stream, as a run would do, and passes them all the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest

from headwater.spi.table import Appended, Committable, FileStager, PublishMode, TableSpec
from headwater.testing.table_basis import TableBasis
from headwater.testing.table_bench import TableBench, in_order, read_rows, write_files
from headwater.types import Schema

__all__ = ["FileStagingCases"]

PLAIN: Final = {"id": "bigint", "name": "varchar"}
ONE, TWO, THREE = ({"id": number, "name": name} for number, name in ((1, "one"), (2, "two"), (3, None)))
MOMENT: Final = datetime(2024, 2, 29, 12, 30, 0, 123456, UTC)


class FileStagingCases(TableBasis):
    """Files that an engine wrote are staged, published and forgotten like those the table writes itself."""

    def test_written_files_hold_what_a_stream_would(self, bench: TableBench) -> None:
        schema = {"id": "integer", "name": "varchar", "price": "decimal(12,2)", "ratio": "double", "day": "date"}
        schema |= {"at": "timestamp", "seen": "timestamp with time zone", "raw": "blob", "ok": "boolean"}
        whole: dict[str, Any] = {"id": 1, "name": "one", "price": Decimal("-1.50"), "ratio": 0.1, "ok": True}
        whole |= {"day": date(2024, 2, 29), "at": MOMENT.replace(tzinfo=None), "seen": MOMENT, "raw": b"\0x"}
        rows = [whole, {"id": 2} | {name: None for name in schema if name != "id"}]
        staged = bench.stage(rows, schema, drafted=True)
        assert (staged.rows, bench.open().exists()) == (2, False)
        bench.open().commit(staged)
        assert (bench.rows(), bench.open().schema()) == (rows, _schema_by_stream(bench, schema))

    def test_engines_and_streams_share_a_table(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        version = bench.publish([TWO], PLAIN, drafted=True)
        bench.publish([THREE], PLAIN, drafted=True)
        assert bench.rows() == [ONE, TWO, THREE]
        changes = bench.open().changes(version)
        assert isinstance(changes, Appended)
        assert in_order(read_rows(changes.rows)) == [THREE]
        bench.publish([TWO], PLAIN, PublishMode.REPLACE, drafted=True)
        assert (bench.rows(), bench.open().row_count()) == ([TWO], 1)

    def test_a_table_evolves_with_written_files(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        renamed = {"key": "bigint", "name": "varchar", "more": "integer"}
        bench.publish([{"key": 2, "name": "two", "more": 7}], renamed, renames={"key": "id"}, drafted=True)
        assert bench.rows() == [{"key": 1, "name": "one", "more": None}, {"key": 2, "name": "two", "more": 7}]

    def test_files_may_lie_in_a_folder_below(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        table = bench.open()
        draft = table.draft(*self._epoch(bench)) if isinstance(table, FileStager) else None
        if draft is None or not isinstance(table, FileStager):
            pytest.skip("the table writes all files itself")
        below = replace(draft.target, folder=f"{draft.target.folder}/below")
        files = [*write_files(_rows([TWO]), draft.target)]
        files += [replace(file, name=f"below/{file.name}") for file in write_files(_rows([THREE]), below)]
        assert table.commit(table.seal(draft, files))
        assert bench.rows() == [ONE, TWO, THREE]
        assert (table.sweep([]), bench.rows()) == (0, [ONE, TWO, THREE])

    @pytest.mark.parametrize("mode", [PublishMode.APPEND, PublishMode.REPLACE])
    def test_no_files_are_no_rows(self, bench: TableBench, mode: PublishMode) -> None:
        bench.publish([], PLAIN, mode, drafted=True)
        assert (bench.rows(), bench.open().schema().names) == ([], ("id", "name"))

    def test_a_partitioned_table(self, bench: TableBench) -> None:
        bench.publish([ONE, TWO], PLAIN, partition_by=("name",), drafted=True)
        assert bench.rows() == [ONE, TWO]

    def test_a_repeated_commit_changes_nothing(self, bench: TableBench) -> None:
        staged = bench.stage([ONE], PLAIN, drafted=True)
        assert [bench.open().commit(staged) for _ in range(3)] == [True, False, False]
        assert bench.rows() == [ONE]

    def test_what_was_sealed_can_be_given_up(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        bench.open().abort(bench.stage([TWO], PLAIN, drafted=True))
        assert (bench.rows(), bench.open().sweep([])) == ([ONE], 0)

    def test_what_was_never_sealed_is_swept(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        table = bench.open()
        draft = table.draft(*self._epoch(bench)) if isinstance(table, FileStager) else None
        if draft is None:
            pytest.skip("the table writes all files itself")
        assert not Path(draft.target.folder).exists()
        write_files(_rows([TWO]), draft.target)
        assert bench.rows() == [ONE]
        assert [bench.open().sweep([]) for _ in range(2)] == [1, 0]
        assert not Path(draft.target.folder).exists()

    def test_sealing_goes_on_beside_the_handle(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        table = bench.open()
        draft = table.draft(*self._epoch(bench)) if isinstance(table, FileStager) else None
        if draft is None or not isinstance(table, FileStager):
            pytest.skip("the table writes all files itself")
        files = write_files(_rows([TWO]), draft.target)
        with ThreadPoolExecutor(1) as pool:
            sealing = pool.submit(table.seal, draft, files)
            assert read_rows(table.scan()) == [ONE]
            sealed: Committable = sealing.result()
        assert table.commit(sealed)
        assert bench.rows() == [ONE, TWO]

    def _epoch(self, bench: TableBench) -> tuple[TableSpec, Any, PublishMode]:
        identity = bench.stage([], PLAIN).id
        return TableSpec(Schema.of(PLAIN)), identity, PublishMode.APPEND


def _schema_by_stream(bench: TableBench, schema: dict[str, str]) -> Schema:
    other = TableBench.in_folder(bench.format, bench.folder.parent / "by_stream")
    other.publish([], schema)
    return other.open().schema()


def _rows(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, pa.schema([("id", pa.int64()), ("name", pa.string())]))
