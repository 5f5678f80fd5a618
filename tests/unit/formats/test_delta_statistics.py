"""Statistics in Delta's log must never exclude a row that is there."""

from __future__ import annotations

import io
import json
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.formats.tables.delta.actions import statistics
from headwater.spi.arrow import arrow_schema
from headwater.types import Schema

_values: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(),
    "varchar": st.text(st.characters(exclude_categories=["Cs"]), max_size=90),
    "date": st.dates(),
    "timestamptz": st.datetimes(datetime(1, 1, 2), datetime(9998, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
}


def _statistics(name: str, values: list[Any]) -> dict[str, Any]:
    schema = Schema.of({"value": name})
    file = io.BytesIO()
    table = pa.table({"value": pa.array(values, arrow_schema(schema)[0].type)}, schema=arrow_schema(schema))
    pq.write_table(table, file, row_group_size=2)
    found: dict[str, Any] = json.loads(statistics(pq.read_metadata(file), schema))
    return found


@settings(deadline=None)
@given(
    st.sampled_from(sorted(_values)).flatmap(lambda name: st.tuples(st.just(name), st.lists(st.none() | _values[name])))
)
def test_bounds_hold_every_value(case: tuple[str, list[Any]]) -> None:
    name, values = case
    found = _statistics(name, values)
    assert found["numRecords"] == len(values)
    assert found["nullCount"].get("value", values.count(None)) == values.count(None)
    if "value" in found["minValues"]:
        low, high = (_parsed(name, found[bound]["value"]) for bound in ("minValues", "maxValues"))
        present = [value for value in values if value is not None]
        assert all(low <= value <= high for value in present if not (isinstance(value, float) and math.isnan(value)))


def test_moments_are_rounded_outwards_to_milliseconds() -> None:
    moment = datetime(2013, 1, 1, 0, 0, 0, 1, UTC)
    found = _statistics("timestamptz", [moment, moment + timedelta(microseconds=1)])
    assert found["minValues"] == {"value": "2013-01-01T00:00:00.000Z"}
    assert found["maxValues"] == {"value": "2013-01-01T00:00:00.001Z"}


def _parsed(name: str, value: Any) -> Any:
    match name:
        case "date":
            return date.fromisoformat(value)
        case "timestamptz":
            return datetime.fromisoformat(value)
        case _:
            return value
