"""The conformance suite for table formats: what :mod:`headwater.spi.table` promises, as cases.

A plugin's test subclasses :class:`TableSuite` and names its format::

    class TestLance(TableSuite):
        def table_format(self):
            return LanceFormat()

        gaps = {"test_a_bucketed_table": Gap("Lance has no hash partitions", DeclarationError)}

A gap is a case the format does not pass, with the reason and the error that it
raises instead; a gap that passes is a failure, so that the list stays true.
Needs pytest and hypothesis (``pip install headwater[testing]``).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from headwater.errors import DeclarationError, HeadwaterError, TransientError, UsageError
from headwater.spi.table import (
    Appended,
    AtTime,
    AtVersion,
    Committable,
    MaintenancePolicy,
    PublishMode,
    Replaced,
    TableFormat,
    TableLocation,
)
from headwater.testing.table_basis import Gap, TableBasis
from headwater.testing.table_bench import TableBench, in_order, read_rows
from headwater.testing.table_crashes import CrashCases
from headwater.testing.table_merges import MergeCases
from headwater.testing.table_stagers import FileStagingCases
from headwater.testing.table_types import PartitionCases, TypeCases

__all__ = ["Gap", "TableSuite"]

REPLACE = PublishMode.REPLACE
PLAIN = {"id": "bigint", "name": "varchar"}
ONE, TWO, THREE = ({"id": number, "name": name} for number, name in ((1, "one"), (2, "two"), (3, "three")))
EVERYTHING = MaintenancePolicy(keep=timedelta(0))


class CommitCases(TableBasis):
    """Two-phase, idempotent publication."""

    def test_a_table_that_was_never_committed_does_not_exist(self, bench: TableBench) -> None:
        table = bench.open()
        assert (table.exists(), table.version(), list(table.versions())) == (False, None, [])
        for question in (table.schema, table.scan, table.row_count):
            with pytest.raises(UsageError):
                question()

    def test_staged_rows_are_invisible(self, bench: TableBench) -> None:
        bench.stage([ONE], PLAIN)
        assert not bench.open().exists()
        version = bench.publish([ONE], PLAIN)
        bench.stage([TWO], PLAIN)
        bench.stage([THREE], PLAIN, REPLACE)
        assert (bench.rows(), bench.open().version(), bench.open().row_count()) == ([ONE], version, 1)

    def test_a_commit_shows_the_rows(self, bench: TableBench) -> None:
        table = bench.open()
        staged = bench.stage([ONE, TWO], PLAIN)
        assert (staged.rows, staged.mode) == (2, PublishMode.APPEND)
        assert table.commit(staged)
        assert (bench.rows(), table.row_count(), table.schema().names) == ([ONE, TWO], 2, ("id", "name"))
        assert table.versions()[-1].commit == staged.id

    def test_no_rows_create_the_table(self, bench: TableBench) -> None:
        bench.publish([], PLAIN)
        assert (bench.rows(), bench.open().row_count(), bench.open().schema().names) == ([], 0, ("id", "name"))
        bench.publish([ONE], PLAIN)
        assert bench.rows() == [ONE]

    def test_a_repeated_commit_changes_nothing(self, bench: TableBench) -> None:
        table = bench.open()
        staged = bench.stage([ONE], PLAIN)
        assert table.commit(staged)
        version = table.version()
        assert not table.commit(staged)
        assert not bench.open().commit(staged)
        bench.publish([TWO], PLAIN, REPLACE)
        assert not bench.open().commit(staged)
        assert (bench.rows(), version) == ([TWO], table.versions()[0].number)

    def test_a_commit_repeated_by_another_process_changes_nothing(self, bench: TableBench) -> None:
        staged = bench.stage([ONE], PLAIN)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(_commit, (bench.format, bench.location, staged))
            assert not pool.apply(_commit, (bench.format, bench.location, staged))
        assert not bench.open().commit(staged)
        assert bench.rows() == [ONE]

    def test_another_fingerprint_counts_its_own_epochs(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        bench.epoch, bench.fingerprint = 0, "f2"
        bench.publish([TWO], PLAIN)
        assert bench.rows() == [ONE, TWO]

    def test_an_aborted_epoch_leaves_nothing(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        before = _files(bench)
        staged = bench.stage([TWO], PLAIN)
        assert _files(bench) > before
        bench.open().abort(staged)
        bench.open().abort(staged)
        assert (_files(bench), bench.rows()) == (before, [ONE])

    def test_aborting_what_was_committed_does_nothing(self, bench: TableBench) -> None:
        staged = bench.stage([ONE], PLAIN)
        bench.open().commit(staged)
        bench.open().abort(staged)
        assert bench.rows() == [ONE]

    def test_a_sweep_deletes_what_nobody_keeps(self, bench: TableBench) -> None:
        assert bench.open().sweep([]) == 0
        bench.publish([ONE], PLAIN)
        kept, orphan = bench.stage([TWO], PLAIN), bench.stage([THREE], PLAIN)
        assert bench.open().sweep([kept]) == 1
        assert bench.open().sweep([kept]) == 0
        with pytest.raises(HeadwaterError):
            bench.open().commit(replace(orphan, id=replace(orphan.id, epoch=99)))
        assert bench.open().commit(replace(kept, id=replace(kept.id, epoch=100)))
        assert bench.rows() == [ONE, TWO]

    def test_two_writers_both_append(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        here, there = bench.open(), bench.open()
        bench.fingerprint = "here"
        mine = bench.stage([TWO], PLAIN, table=here)
        bench.fingerprint = "there"
        theirs = bench.stage([THREE], PLAIN, table=there)
        assert (here.commit(mine), there.commit(theirs)) == (True, True)
        assert (bench.rows(), here.row_count()) == ([ONE, TWO, THREE], 3)

    def test_two_writers_of_one_epoch_commit_it_once(self, bench: TableBench) -> None:
        here, there = bench.open(), bench.open()
        mine = bench.stage([ONE], PLAIN, table=here)
        bench.epoch = 0
        theirs = bench.stage([ONE], PLAIN, table=there)
        assert (here.commit(mine), there.commit(theirs)) == (True, False)
        assert bench.rows() == [ONE]

    def test_a_schema_that_changed_under_a_staged_epoch_is_told(self, bench: TableBench) -> None:
        bench.publish([{"id": 1}], {"id": "integer"})
        staged = bench.stage([{"id": 2}], {"id": "integer"})
        bench.publish([{"id": 2**40}], {"id": "bigint"})
        late = replace(staged, id=replace(staged.id, epoch=bench.epoch + 1))
        with pytest.raises(TransientError):
            bench.open().commit(late)
        bench.publish([{"id": 2}], {"id": "integer"})
        assert sorted(row["id"] for row in bench.rows()) == [1, 2, 2**40]

    def test_a_dropped_table_is_gone(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        bench.open().drop()
        assert not bench.open().exists()
        bench.publish([TWO], PLAIN)
        assert bench.rows() == [TWO]


class EvolutionCases(TableBasis):
    """Replacement and schema evolution."""

    def test_a_replacement_is_all_there_is(self, bench: TableBench) -> None:
        bench.publish([ONE, TWO], PLAIN)
        bench.publish([THREE], PLAIN, REPLACE)
        assert (bench.rows(), bench.open().row_count()) == ([THREE], 1)
        bench.publish([], PLAIN, REPLACE)
        assert (bench.rows(), bench.open().row_count()) == ([], 0)
        bench.publish([ONE], PLAIN)
        assert bench.rows() == [ONE]

    def test_a_replacement_may_have_any_schema(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        bench.publish([{"name": 1.5, "other": True}], {"name": "double", "other": "boolean"}, REPLACE)
        assert bench.rows() == [{"name": 1.5, "other": True}]
        bench.publish([{"name": 2.5, "other": None}], {"name": "double", "other": "boolean"})
        assert bench.rows() == [{"name": 1.5, "other": True}, {"name": 2.5, "other": None}]

    def test_an_added_column_is_null_in_earlier_rows(self, bench: TableBench) -> None:
        bench.publish([{"id": 1}], {"id": "bigint"})
        bench.publish([TWO], PLAIN)
        assert bench.rows() == [{"id": 1, "name": None}, TWO]

    @pytest.mark.parametrize(
        ("narrow", "wide", "small", "large"),
        [
            ("integer", "bigint", 7, 2**40),
            ("float", "double", 1.5, 1e300),
            ("decimal(5,2)", "decimal(20,2)", Decimal("1.25"), Decimal("123456789012345678.25")),
            ("struct(a integer)", "struct(a bigint, b varchar)", {"a": 7}, {"a": 2**40, "b": "x"}),
            ("integer[]", "bigint[]", [7], [2**40]),
        ],
    )
    def test_a_column_is_widened(self, bench: TableBench, narrow: str, wide: str, small: object, large: object) -> None:
        bench.publish([{"id": 1, "value": small}], {"id": "integer", "value": narrow})
        bench.publish([{"id": 2, "value": large}], {"id": "integer", "value": wide})
        bench.publish([{"id": 3, "value": small}], {"id": "integer", "value": narrow})
        found = [row["value"] for row in bench.rows()]
        expected = {**small, "b": None} if isinstance(small, dict) else small
        assert found == [expected, large, expected]
        assert bench.open().row_count() == 3

    def test_a_renamed_column_keeps_its_rows(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        renamed = {"key": "bigint", "name": "varchar"}
        for number in (2, 3):  # the second time, the rename was made already
            bench.publish([{"key": number, "name": "x"}], renamed, renames={"key": "id"})
        assert bench.rows() == [{"key": 1, "name": "one"}, {"key": 2, "name": "x"}, {"key": 3, "name": "x"}]
        assert bench.rows(columns=["key"]) == [{"key": 1}, {"key": 2}, {"key": 3}]

    def test_a_renamed_column_leaves_its_name_to_another(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        schema = {"id": "bigint", "title": "varchar"}
        bench.publish([{"id": 2, "title": "t"}], schema, renames={"title": "name"})
        bench.publish([{"id": 3, "title": "t", "name": 5}], {**schema, "name": "bigint"})
        assert [tuple(row[name] for name in ("id", "title", "name")) for row in bench.rows()] == [
            (1, "one", None),
            (2, "t", None),
            (3, "t", 5),
        ]

    @pytest.mark.parametrize(
        "schema", [{"id": "bigint"}, {"id": "varchar", "name": "varchar"}, {"id": "date", "name": "varchar"}]
    )
    def test_a_column_that_is_gone_or_another_is_refused(self, bench: TableBench, schema: Mapping[str, str]) -> None:
        bench.publish([ONE], PLAIN)
        with pytest.raises(DeclarationError) as caught:
            bench.stage([], schema)
        assert caught.value.hint
        assert bench.rows() == [ONE]

    def test_upper_and_lower_case_are_one(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        bench.publish([{"ID": 2, "Name": "two"}], {"ID": "bigint", "Name": "varchar"})
        assert bench.rows() == [ONE, TWO]

    def test_columns_are_projected(self, bench: TableBench) -> None:
        bench.publish([ONE, TWO], PLAIN)
        assert bench.rows(columns=["name"]) == [{"name": "one"}, {"name": "two"}]
        with pytest.raises(UsageError):
            bench.open().scan(columns=["nmae"])


class HistoryCases(TableBasis):
    """Time travel, changes and maintenance."""

    def test_versions_are_read_by_number_and_time(self, bench: TableBench) -> None:
        first, second = bench.publish([ONE], PLAIN), bench.publish([TWO], PLAIN)
        third = bench.publish([{"id": 3}], {"id": "bigint"}, REPLACE)
        assert [bench.rows(AtVersion(n)) for n in (first, second, third)] == [[ONE], [ONE, TWO], [{"id": 3}]]
        versions = {version.number: version for version in bench.open().versions()}
        assert [versions[n].rows for n in (first, second, third)] == [1, 2, 1]
        assert bench.rows(AtTime(versions[third].committed_at)) == [{"id": 3}]
        assert bench.rows(AtTime(datetime.now(UTC) + timedelta(days=1))) == [{"id": 3}]

    def test_a_version_that_does_not_exist_is_told(self, bench: TableBench) -> None:
        bench.publish([ONE], PLAIN)
        for at in (AtVersion(77), AtTime(datetime(2000, 1, 1, tzinfo=UTC))):
            with pytest.raises(UsageError) as caught:
                bench.open().scan(at=at)
            assert caught.value.hint

    def test_changes_are_what_was_appended(self, bench: TableBench) -> None:
        first = bench.publish([ONE], PLAIN)
        assert bench.open().changes(first) == Appended(first, None)
        bench.publish([], PLAIN)
        second = bench.publish([TWO], PLAIN)
        third = bench.publish([{**THREE, "more": True}], {**PLAIN, "more": "boolean"})
        assert _changes(bench, first) == [{**TWO, "more": None}, {**THREE, "more": True}]
        assert _changes(bench, second) == [{**THREE, "more": True}]
        assert _changes(bench, third) == []
        with pytest.raises(UsageError):
            bench.open().changes(third + 1)

    def test_a_replacement_is_no_append(self, bench: TableBench) -> None:
        first = bench.publish([ONE], PLAIN)
        second = bench.publish([TWO], PLAIN, REPLACE)
        assert bench.open().changes(first) == Replaced(second)
        bench.publish([THREE], PLAIN)
        assert _changes(bench, second) == [THREE]

    def test_maintenance_keeps_content_and_changes(self, bench: TableBench) -> None:
        versions = [bench.publish([{"id": n, "name": str(n)}], PLAIN) for n in range(10)]
        before = bench.rows()
        report = bench.open().maintain(MaintenancePolicy(), now=datetime.now(UTC))
        assert (report.files_before, report.files_after, report.versions_expired) == (10, 1, 0)
        assert (bench.rows(), bench.rows(AtVersion(versions[4])), bench.open().row_count()) == (before, before[:5], 10)
        assert _changes(bench, versions[-1]) == []
        assert _changes(bench, versions[6]) == before[7:]
        bench.publish([{"id": 99, "name": "x"}], PLAIN)
        assert _changes(bench, versions[6]) == [*before[7:], {"id": 99, "name": "x"}]
        again = bench.open().maintain(MaintenancePolicy(), now=datetime.now(UTC))
        assert again.files_after == 1

    @pytest.mark.parametrize("partition_by", [(), ("name",)])
    def test_a_scan_is_oldest_first(self, bench: TableBench, partition_by: tuple[str, ...]) -> None:
        """Consumers keep the first row of a key: a table read anew must show the rows as its changes did."""
        for epoch in range(12):
            rows = [{"id": epoch * 10 + number, "name": "ab"[number % 2]} for number in range(4)]
            bench.publish(rows, PLAIN, partition_by=partition_by)
            if epoch == 5:
                before = [row["id"] for row in read_rows(bench.open().scan())]
                bench.open().maintain(MaintenancePolicy(), now=datetime.now(UTC))
        found = [row["id"] for row in read_rows(bench.open().scan())]
        assert [number // 10 for number in before] == [epoch for epoch in range(6) for _ in range(4)]
        for name in (0, 1):
            in_partition = [number for number in found if number % 2 == name]
            assert in_partition == sorted(in_partition)

    def test_expired_versions_free_their_files(self, bench: TableBench) -> None:
        first = bench.publish([ONE], PLAIN)
        bench.publish([TWO], PLAIN, REPLACE)
        staged = bench.stage([THREE], PLAIN)
        files = len(_data_files(bench))
        report = bench.open().maintain(EVERYTHING, now=datetime.now(UTC) + timedelta(seconds=1))
        assert (report.versions_expired, report.bytes_freed > 0, len(_data_files(bench))) == (1, True, files - 1)
        assert (bench.rows(), bench.open().changes(first)) == ([TWO], Replaced(bench.open().version() or 0))
        with pytest.raises(UsageError):
            bench.open().scan(at=AtVersion(first))
        assert bench.open().commit(staged)
        assert bench.rows() == [TWO, THREE]

    def test_young_versions_stay(self, bench: TableBench) -> None:
        first = bench.publish([ONE], PLAIN)
        bench.publish([TWO], PLAIN, REPLACE)
        policy = MaintenancePolicy(keep=timedelta(0), keep_versions=2)
        for chosen, now in ((MaintenancePolicy(), timedelta(0)), (policy, timedelta(days=30))):
            report = bench.open().maintain(chosen, now=datetime.now(UTC) + now)
            assert report.versions_expired == 0
        assert bench.rows(AtVersion(first)) == [ONE]


def _commit(format: TableFormat, location: TableLocation, committable: Committable) -> bool:
    return format.open(location).commit(committable)


def _changes(bench: TableBench, after: int) -> list[dict[str, object]]:
    changes = bench.open().changes(after)
    assert isinstance(changes, Appended)
    return in_order(read_rows(changes.rows))


def _files(bench: TableBench) -> set[Path]:
    lake = Path(bench.location.lake)
    return (
        {path for path in lake.rglob("*") if path.is_file() and path.suffix == ".parquet"} if lake.exists() else set()
    )


def _data_files(bench: TableBench) -> set[int]:
    """The data files by inode: a staged file may have two names."""
    return {path.stat().st_ino for path in _files(bench) if "checkpoint" not in path.name}


class TableSuite(
    CommitCases, EvolutionCases, HistoryCases, MergeCases, TypeCases, PartitionCases, FileStagingCases, CrashCases
):
    """All cases; see the module's docstring for how a plugin uses it."""
