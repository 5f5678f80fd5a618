"""The one Arrow form of every column type, and batches made to fit it."""

from __future__ import annotations

from uuid import UUID

import pyarrow as pa
import pytest

from headwater.errors import DataError, DeclarationError, UsageError
from headwater.spi.arrow import arrow_schema, column_schema, conform
from headwater.types import Schema

ONE = UUID("12345678-1234-5678-1234-567812345678")


PLAIN = ["BOOLEAN", "TINYINT", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL(38,9)", "VARCHAR", "BLOB", "UUID", "DATE", "TIME"]
MOMENTS = ["TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_S", "TIMESTAMP WITH TIME ZONE", "INTERVAL"]
NESTED = ["VARCHAR[]", "INTEGER[3]", "MAP(VARCHAR, DOUBLE[])", 'STRUCT("a" INTEGER, "b" STRUCT("c" DATE))']


@pytest.mark.parametrize("name", [*PLAIN, *MOMENTS, *NESTED])
def test_a_type_survives_arrow(name: str) -> None:
    schema = Schema.of({"value": name})
    assert column_schema(arrow_schema(schema)) == schema


@pytest.mark.parametrize("name", ["BIT", "TIME WITH TIME ZONE"])
def test_a_type_without_an_arrow_form_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        arrow_schema(Schema.of({"value": name}))
    assert caught.value.hint


def test_uuids_come_as_text_bytes_or_themselves() -> None:
    wanted = arrow_schema(Schema.of({"u": "uuid"}))
    for values in (
        pa.array([str(ONE), None, ONE.hex]),
        pa.array([ONE.bytes, None, ONE.bytes], pa.binary(16)),
        pa.array(["x", str(ONE), None, str(ONE)])[1:],
    ):
        fitted = conform(pa.record_batch({"U": values}), wanted)
        assert fitted.to_pydict() == {"u": [ONE, None, ONE]}
        text = conform(fitted, arrow_schema(Schema.of({"u": "varchar"})))
        assert text.to_pydict() == {"u": [str(ONE), None, str(ONE)]}


@pytest.mark.parametrize("text", ["", "zz", "g" * 32, str(ONE)[:-1]])
def test_a_text_that_is_no_uuid_is_an_error(text: str) -> None:
    with pytest.raises(DataError):
        conform(pa.record_batch({"u": [text]}), arrow_schema(Schema.of({"u": "uuid"})))


def test_values_are_never_bent_to_fit() -> None:
    digits = (10**38).to_bytes(16, "little", signed=True)
    wide = pa.Array.from_buffers(pa.decimal128(38, 0), 1, [None, pa.py_buffer(digits)])
    cases = [
        (wide, "hugeint"),
        (pa.array([300]), "tinyint"),
        (pa.array([1.5]), "integer"),
        (pa.array([1], pa.timestamp("ns")), "timestamp"),
    ]
    for values, name in cases:
        batch = pa.record_batch({"v": values})
        wanted = arrow_schema(Schema.of({"v": name}))
        with pytest.raises(DataError):
            conform(batch, wanted)


def test_a_missing_column_is_told() -> None:
    with pytest.raises(UsageError) as caught:
        conform(pa.record_batch({"a": [1]}), arrow_schema(Schema.of({"a": "bigint", "b": "bigint"})))
    assert str(caught.value) == "the rows have no column b\n  they have a"


def test_members_of_a_struct_are_found_by_name() -> None:
    batch = pa.record_batch({"s": [{"b": 1, "a": None}, None]})
    fitted = conform(batch, arrow_schema(Schema.of({"s": "struct(a varchar, b bigint, c date)"})))
    assert fitted.to_pydict() == {"s": [{"a": None, "b": 1, "c": None}, None]}
    assert (
        fitted.schema.field("s").type == arrow_schema(Schema.of({"s": "struct(a varchar, b bigint, c date)"}))[0].type
    )


def test_nested_uuids_travel_as_text() -> None:
    assert column_schema(arrow_schema(Schema.of({"u": "uuid[]"}))) == Schema.of({"u": "varchar[]"})
