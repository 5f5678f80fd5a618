"""Cases of the table suite about values: every column type, its extremes, and partitions."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.errors import DeclarationError
from headwater.spi.table import MaintenancePolicy, TableSpec
from headwater.testing.table_basis import TableBasis
from headwater.testing.table_bench import TableBench, partition_field
from headwater.types import Column, DataType, Schema

__all__ = ["PartitionCases", "TypeCases"]

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
_moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001 - columns without a zone hold naive ones


def _integers(bits: int, signed: bool = True) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high) | st.sampled_from([low, high, 0])


_values: dict[str, st.SearchStrategy[Any]] = {
    "BOOLEAN": st.booleans(),
    "TINYINT": _integers(8),
    "SMALLINT": _integers(16),
    "INTEGER": _integers(32),
    "BIGINT": _integers(64),
    "HUGEINT": st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal),
    "UTINYINT": _integers(8, False),
    "USMALLINT": _integers(16, False),
    "UINTEGER": _integers(32, False),
    "UBIGINT": _integers(64, False),
    "FLOAT": st.floats(width=32),
    "DOUBLE": st.floats(),
    "DECIMAL(18,3)": st.decimals(Decimal("-1e14"), Decimal("1e14"), places=3),
    "DECIMAL(38,0)": st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal),
    "VARCHAR": _texts,
    "JSON": st.just('{"a": [1, null]}'),
    "BLOB": st.binary(max_size=40),
    "UUID": st.uuids(),
    "DATE": st.dates(),
    "TIME": st.times(),
    "TIMESTAMP": _moments,
    "TIMESTAMP_S": _moments.map(lambda moment: moment.replace(microsecond=0)),
    "TIMESTAMP_MS": _moments.map(lambda moment: moment.replace(microsecond=1000)),
    "TIMESTAMP WITH TIME ZONE": _moments.map(lambda moment: moment.replace(tzinfo=UTC)),
    "VARCHAR[]": st.lists(st.none() | _texts, max_size=4),
    "INTEGER[2]": st.lists(_integers(32), min_size=2, max_size=2),
    "DOUBLE[][]": st.lists(st.none() | st.lists(st.floats(allow_nan=False), max_size=2), max_size=3),
    "STRUCT(a INTEGER, b STRUCT(c VARCHAR[]))": st.fixed_dictionaries(
        {"a": st.none() | _integers(32), "b": st.none() | st.fixed_dictionaries({"c": st.none() | st.lists(_texts)})}
    ),
    "MAP(VARCHAR, BIGINT)": st.dictionaries(_texts, st.none() | _integers(64), max_size=3).map(lambda d: [*d.items()]),
    "STRUCT(t TIMESTAMP, d DECIMAL(9,2))[]": st.lists(
        st.fixed_dictionaries({"t": _moments, "d": st.none() | st.decimals(-9999, 9999, places=2)}), max_size=3
    ),
}


class TypeCases(TableBasis):
    """``refused_types`` maps the types the format cannot store to the reason; they must be a DeclarationError."""

    refused_types: ClassVar[Mapping[str, str]] = {}

    @pytest.mark.parametrize("name", sorted(_values))
    def test_values_come_back(self, name: str) -> None:
        if name in self.refused_types:
            self._refuse(name)
        else:
            self._round_trip(name)

    def _refuse(self, name: str) -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.raises(DeclarationError) as caught:
            TableBench.in_folder(self.table_format(), Path(folder)).stage([], {"id": "integer", "value": name})
        assert caught.value.hint
        with pytest.raises(DeclarationError) as planned:
            self.table_format().check(TableSpec(Schema.of({"id": "integer", "value": name})))
        assert str(planned.value) == str(caught.value)

    def _round_trip(self, name: str) -> None:
        schema = Schema((Column("id", DataType("INTEGER")), Column("value", DataType.parse(name))))

        @settings(max_examples=5, deadline=None, suppress_health_check=[*HealthCheck])
        @given(st.lists(st.none() | _values[name], min_size=1, max_size=12))
        def check(values: list[Any]) -> None:
            with tempfile.TemporaryDirectory() as folder:
                bench = TableBench.in_folder(self.table_format(), Path(folder))
                rows = [{"id": position, "value": value} for position, value in enumerate([*values, None])]
                bench.publish(rows, schema)
                bench.publish([{"id": 100_000, "value": None}], schema)
                found = {row["id"]: row["value"] for row in bench.rows()}
                expected = {row["id"]: row["value"] for row in [*rows, {"id": 100_000, "value": None}]}
                assert _plain(found) == _plain(expected)

        check()

    def test_no_null_enters_a_required_column(self, bench: TableBench) -> None:
        schema = Schema((Column("id", DataType("BIGINT"), nullable=False), Column("name", DataType("VARCHAR"))))
        bench.publish([{"id": 1, "name": None}], schema)
        assert bench.rows() == [{"id": 1, "name": None}]


class PartitionCases(TableBasis):
    """Partitions change where rows lie, never what they are."""

    @pytest.mark.parametrize(
        ("type", "values"),
        [
            ("varchar", ["EWR", None, "a/b=c%20 é'\"", "EWR"]),
            ("integer", [1, None, -5, 1]),
            ("boolean", [True, False, None]),
            ("date", [date(1969, 12, 31), date(2013, 1, 1), None]),
            ("decimal(9,2)", [Decimal("1.50"), None, Decimal("-0.01")]),
            ("timestamp", [datetime(1969, 12, 31, 23, 59, 59, 999999), None, datetime(2013, 1, 1)]),  # noqa: DTZ001
            ("timestamptz", [datetime(2013, 1, 1, 5, tzinfo=UTC), None]),
        ],
    )
    def test_an_identity_partition(self, bench: TableBench, type: str, values: list[Any]) -> None:
        rows = [{"id": n, "part": value, "name": "x"} for n, value in enumerate(values)]
        schema = {"id": "bigint", "part": type, "name": "varchar"}
        bench.publish(rows, schema, partition_by=["part"])
        bench.publish([{"id": 77, "part": values[0], "name": "y"}], schema, partition_by=["part"])
        expected = [*rows, {"id": 77, "part": values[0], "name": "y"}]
        assert bench.rows() == sorted(expected, key=lambda row: str(row["id"]))
        assert bench.rows(columns=["name"])[0] == {"name": "x"}
        bench.open().maintain(MaintenancePolicy(), now=datetime.now(UTC))
        assert bench.rows() == sorted(expected, key=lambda row: str(row["id"]))

    @pytest.mark.parametrize("transform", ["year", "month", "day", "hour"])
    @pytest.mark.parametrize("zone", [None, UTC])
    def test_a_partition_of_time(self, bench: TableBench, transform: str, zone: Any) -> None:
        moments = [datetime(1969, 12, 31, 23, 59, 59, 999999, zone), None, datetime(2013, 2, 28, 23, 30, tzinfo=zone)]
        rows = [
            {"id": n, "ts": moment} for n, moment in enumerate([*moments, datetime(2013, 3, 1, 0, 30, tzinfo=zone)])
        ]
        schema = {"id": "bigint", "ts": "timestamptz" if zone else "timestamp"}
        for _ in range(2):
            bench.publish(rows, schema, partition_by=[f"{transform}(ts)"])
        assert bench.rows() == sorted([*rows, *rows], key=lambda row: str(row["id"]))
        assert bench.open().schema().names == ("id", "ts")

    def test_a_bucketed_table(self, bench: TableBench) -> None:
        rows = [{"id": n, "name": str(n)} for n in range(40)]
        bench.publish(rows, {"id": "bigint", "name": "varchar"}, partition_by=["bucket[4](id)", "bucket[2](name)"])
        assert bench.rows() == sorted(rows, key=lambda row: str(row["id"]))

    def test_partitions_may_change(self, bench: TableBench) -> None:
        schema = {"id": "bigint", "a": "varchar", "b": "date"}
        rows = [{"id": n, "a": "xy"[n % 2], "b": date(2013, 1, 1 + n)} for n in range(4)]
        bench.publish(rows[:1], schema)
        bench.publish(rows[1:2], schema, partition_by=["a"])
        bench.publish(rows[2:3], schema, partition_by=["month(b)", "a"])
        bench.publish(rows[3:], schema)
        assert bench.rows() == rows

    def test_many_partitions(self, bench: TableBench) -> None:
        rows = [{"id": n, "part": n % 150} for n in range(600)]
        bench.publish(rows, {"id": "bigint", "part": "integer"}, partition_by=["part"])
        assert bench.rows() == sorted(rows, key=lambda row: str(row["id"]))

    @pytest.mark.parametrize("field", ["nope", "day(id)", "bucket[0](id)", "week(ts)", "hour(d)", "tags"])
    def test_a_partition_that_makes_no_sense_is_refused(self, bench: TableBench, field: str) -> None:
        schema = {"id": "bigint", "ts": "timestamp", "d": "date", "tags": "varchar[]"}
        with pytest.raises(DeclarationError) as caught:
            bench.stage([], schema, partition_by=[field])
        with pytest.raises(DeclarationError) as planned:
            bench.format.check(TableSpec(Schema.of(schema), (partition_field(field),)))
        assert str(planned.value) == str(caught.value)


def _plain(value: Any) -> Any:
    """Values so that equal ones compare equal: NaN as text, UUIDs as text, numbers by value."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    return str(value) if isinstance(value, UUID) or value != value else value  # noqa: PLR0124 - only NaN differs from itself
