"""Cases of the table suite about merges: some files are exchanged for staged ones, the others are not touched.

For formats that promise :attr:`headwater.capabilities.TableCapability.MERGE`; others skip them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from headwater.capabilities import TableCapability
from headwater.errors import ConflictError
from headwater.spi.codec import FileScan
from headwater.spi.table import (
    Appended,
    AtVersion,
    FileSwapper,
    Footing,
    MaintenancePolicy,
    PublishMode,
    Replaced,
    TableSpec,
)
from headwater.testing.table_basis import TableBasis
from headwater.testing.table_bench import Record, TableBench, in_order, partition_field, read_rows
from headwater.types import Schema

__all__ = ["MergeCases", "files_of", "footing_of"]

PLAIN: Final = {"id": "bigint", "name": "varchar"}
ONE, TWO, THREE, OTHER = (
    {"id": number, "name": name} for number, name in ((1, "one"), (2, "two"), (3, "three"), (2, "other"))
)
MERGE: Final = PublishMode.MERGE


def footing_of(bench: TableBench, schema: dict[str, str], partition_by: Sequence[str] = ()) -> Footing | None:
    """What a new handle offers to change sets of a schema."""
    table = bench.open()
    assert isinstance(table, FileSwapper)
    return table.footing(TableSpec(Schema.of(schema), tuple(map(partition_field, partition_by))))


def files_of(footing: Footing | None, ids: Collection[Any]) -> tuple[str, ...]:
    """The names of the files that hold rows with these values in their first column."""
    assert footing is not None
    scan = footing.files
    found = ((file.name, read_rows(FileScan(scan.format, (file,), scan.schema))) for file in scan.files)
    return tuple(name for name, rows in found if any(next(iter(row.values())) in ids for row in rows))


class MergeCases(TableBasis):
    """Some files go, others come, in one commit."""

    @pytest.fixture
    def merging(self, bench: TableBench) -> TableBench:
        """A bench with a table of three files, one row each."""
        if TableCapability.MERGE not in bench.format.capabilities:
            pytest.skip("the format does not promise merges")
        for row in (ONE, TWO, THREE):
            bench.publish([row], PLAIN)
        return bench

    def _merge(self, bench: TableBench, rows: Sequence[Record], ids: Collection[Any], **options: Any) -> int:
        return bench.publish(rows, PLAIN, MERGE, without=files_of(footing_of(bench, PLAIN), ids), **options)

    @pytest.mark.parametrize("drafted", [False, True])
    def test_a_merge_exchanges_files(self, merging: TableBench, drafted: bool) -> None:
        before = merging.open().version()
        assert before is not None
        self._merge(merging, [OTHER], {2}, drafted=drafted)
        table = merging.open()
        assert (merging.rows(), table.row_count()) == ([ONE, OTHER, THREE], 3)
        assert merging.rows(AtVersion(before)) == [ONE, TWO, THREE]
        newest = table.versions()[-1]
        assert newest.commit is not None
        assert (newest.commit.epoch, newest.rows) == (merging.epoch, 3)
        assert table.changes(before) == Replaced(newest.number)

    def test_files_that_stay_are_not_touched(self, merging: TableBench) -> None:
        kept = files_of(footing_of(merging, PLAIN), {1, 3})
        self._merge(merging, [OTHER], {2})
        assert set(files_of(footing_of(merging, PLAIN), {1, 3})) == set(kept)

    def test_a_merge_that_takes_nothing_is_an_append(self, merging: TableBench) -> None:
        before = merging.open().version()
        assert before is not None
        merging.publish([OTHER], PLAIN, MERGE)
        changes = merging.open().changes(before)
        assert isinstance(changes, Appended)
        assert read_rows(changes.rows) == [OTHER]
        assert merging.open().row_count() == 4

    def test_all_rows_may_be_taken(self, merging: TableBench) -> None:
        self._merge(merging, [], {1, 2, 3})
        assert (merging.rows(), merging.open().row_count()) == ([], 0)
        assert footing_of(merging, PLAIN) is None
        merging.publish([ONE], PLAIN)
        assert merging.rows() == [ONE]

    def test_one_merge_after_another(self, merging: TableBench) -> None:
        for number in range(6):
            self._merge(merging, [{"id": 2, "name": str(number)}], {2})
        self._merge(merging, [], {1})
        assert merging.rows() == [{"id": 2, "name": "5"}, THREE]

    def test_a_repeated_merge_changes_nothing(self, merging: TableBench) -> None:
        without = files_of(footing_of(merging, PLAIN), {2})
        staged = merging.stage([OTHER], PLAIN, MERGE, without=without)
        assert [merging.open().commit(staged) for _ in range(3)] == [True, False, False]
        self._merge(merging, [TWO], {2})
        assert not merging.open().commit(staged)
        assert merging.rows() == [ONE, TWO, THREE]

    def test_a_staged_merge_is_invisible_and_can_be_given_up(self, merging: TableBench) -> None:
        without = files_of(footing_of(merging, PLAIN), {2})
        given_up, forgotten = (merging.stage([OTHER], PLAIN, MERGE, without=without) for _ in range(2))
        assert merging.rows() == [ONE, TWO, THREE]
        merging.open().abort(given_up)
        assert (merging.open().sweep([forgotten]), merging.open().sweep([])) == (0, 1)
        assert merging.rows() == [ONE, TWO, THREE]

    def test_a_reader_goes_on_with_what_it_opened(self, merging: TableBench) -> None:
        opened = merging.open().scan()
        self._merge(merging, [OTHER], {2})
        assert in_order(read_rows(opened)) == [ONE, TWO, THREE]

    def test_a_merge_goes_on_top_of_what_another_writer_appended(self, merging: TableBench) -> None:
        without = files_of(footing_of(merging, PLAIN), {2})
        staged = merging.stage([OTHER], PLAIN, MERGE, without=without)
        merging.fingerprint = "another"
        merging.publish([{"id": 4, "name": "four"}], PLAIN)
        assert merging.open().commit(staged)
        assert [row["name"] for row in merging.rows()] == ["one", "other", "three", "four"]

    @pytest.mark.parametrize("before", ["replace", "merge", "maintain", "widen", "drop"])
    def test_a_merge_without_its_footing_is_told(self, merging: TableBench, before: str) -> None:
        without = files_of(footing_of(merging, PLAIN), {2})
        staged = merging.stage([OTHER], PLAIN, MERGE, without=without)
        merging.fingerprint = "another"
        match before:
            case "replace":
                merging.publish([TWO], PLAIN, PublishMode.REPLACE)
            case "merge":
                self._merge(merging, [TWO], {2})
            case "maintain":
                merging.open().maintain(MaintenancePolicy(), now=datetime.now(UTC))
            case "widen":
                merging.publish([{**TWO, "more": 1}], {**PLAIN, "more": "bigint"})
            case _:
                merging.open().drop()
                staged = merging.stage([OTHER], PLAIN, MERGE, without=without)
        found = merging.rows() if merging.open().exists() else None
        with pytest.raises(ConflictError) as caught:
            merging.open().commit(staged)
        assert caught.value.hint
        assert (merging.rows() if merging.open().exists() else None) == found
        merging.open().abort(staged)
        assert (merging.open().sweep([]), merging.rows() if merging.open().exists() else None) == (0, found)

    def test_a_footing_says_who_made_the_content(self, merging: TableBench) -> None:
        self._merge(merging, [OTHER], {2})
        merging.open().maintain(MaintenancePolicy(), now=datetime.now(UTC))
        footing = footing_of(merging, PLAIN)
        assert footing is not None
        assert footing.commit is not None
        assert (footing.commit.epoch, footing.rows) == (merging.epoch, 3)
        self._merge(merging, [ONE, TWO, THREE], {2})  # they are in one file now
        assert merging.rows() == [ONE, TWO, THREE]

    def test_rows_of_another_shape_have_no_footing(self, merging: TableBench) -> None:
        shapes: list[dict[str, str]] = [
            {"id": "bigint"},
            {"id": "bigint", "title": "varchar"},
            {"id": "varchar", "name": "varchar"},
            {"id": "integer", "name": "varchar"},
            {**PLAIN, "more": "integer"},
        ]
        assert [footing_of(merging, shape) for shape in shapes] == [None] * len(shapes)
        assert footing_of(merging, PLAIN, ["name"]) is None
        merging.open().drop()
        assert footing_of(merging, PLAIN) is None

    def test_a_table_with_another_past_is_merged(self, merging: TableBench) -> None:
        renamed = {"key": "bigint", "name": "varchar", "more": "integer"}
        merging.publish([{"key": 4, "name": "four", "more": 4}], renamed, renames={"key": "id"})
        footing = footing_of(merging, renamed)
        if footing is None:
            pytest.skip("the table's files alone do not say what their rows are until they are compacted")
        new = [{"key": 2, "name": "other", "more": 5}, {"key": 3, "name": "three", "more": None}]
        stay = [{"key": 1, "name": "one", "more": None}]
        merging.publish([*stay, *new], renamed, MERGE, without=files_of(footing, {1, 2, 3}))
        assert merging.rows() == [*stay, *new, {"key": 4, "name": "four", "more": 4}]

    @pytest.mark.parametrize("partition_by", ["day(at)", "name"])
    def test_partitions_are_merged(self, merging: TableBench, partition_by: str) -> None:
        schema = {"id": "bigint", "name": "varchar", "at": "timestamp"}
        rows: list[Record] = [{"id": day, "name": "ab"[day % 2], "at": datetime(2024, 1, day)} for day in (1, 2, 3)]  # noqa: DTZ001
        merging.publish(rows, schema, PublishMode.REPLACE, partition_by=[partition_by])
        footing = footing_of(merging, schema, [partition_by])
        if footing is None:
            pytest.skip("the table keeps values outside its files")
        merging.publish(
            [{**rows[1], "id": 9}], schema, MERGE, partition_by=[partition_by], without=files_of(footing, {2})
        )
        assert merging.rows() == [rows[0], rows[2], {**rows[1], "id": 9}]
        assert merging.open().row_count() == 3
