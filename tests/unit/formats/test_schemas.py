"""Evolution: what a table may become, and what is refused with a way out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import DeclarationError
from headwater.formats.tables.schemas import Storable, evolve
from headwater.types import Column, DataType, Schema

_names = st.sampled_from(["a", "b", "c", "d", "e"])
_types = st.sampled_from(["INTEGER", "BIGINT", "VARCHAR", "DOUBLE", "DECIMAL(9,2)", "INTEGER[]"])
_schemas = st.dictionaries(_names, _types, min_size=1).map(Schema.of)


@given(_schemas)
def test_a_schema_evolves_to_itself_without_a_change(schema: Schema) -> None:
    evolution = evolve(schema, schema, {})
    assert (evolution.schema, evolution.changed, evolution.rewrites) == (schema, False, False)


@given(_schemas, _schemas)
def test_what_evolved_admits_both_ever_after(current: Schema, wanted: Schema) -> None:
    try:
        evolved = evolve(current, wanted, {}).schema
    except DeclarationError as error:
        assert error.hint
        return
    assert evolved.names[: len(current)] == current.names
    assert not evolve(evolved, evolved, {}).changed
    assert all(evolved.get(column.name) is not None for column in wanted)


def test_each_kind_of_change_is_named() -> None:
    current = Schema((Column("id", DataType("INTEGER"), nullable=False), Column("old", DataType("VARCHAR"))))
    wanted = Schema.of({"new": "varchar", "id": "bigint", "more": "date"})
    evolution = evolve(current, wanted, {"new": "old"})
    assert (evolution.added, evolution.widened, evolution.loosened) == (("more",), ("id",), ("id",))
    assert (evolution.renamed, evolution.rewrites) == ({"new": "old"}, True)
    assert evolution.schema.to_mapping() == {"id": "BIGINT", "new": "VARCHAR", "more": "DATE"}


def test_a_rename_that_was_made_counts_no_more() -> None:
    renamed = Schema.of({"new": "varchar"})
    assert not evolve(renamed, renamed, {"new": "old"}).changed


def test_the_messages_name_the_way_out() -> None:
    with pytest.raises(DeclarationError) as gone:
        evolve(Schema.of({"a": "int", "b": "int"}), Schema.of({"a": "int"}), {})
    with pytest.raises(DeclarationError) as other:
        evolve(Schema.of({"a": "int"}), Schema.of({"a": "varchar"}), {})
    with pytest.raises(DeclarationError) as refused:
        Storable("delta", {}, frozenset({"TIME"})).schema(Schema.of({"t": "time"}))
    assert str(gone.value) == (
        "column b is gone\n  the table holds rows that have it\n"
        "  hint: select it again, name it in `renames`, or rebuild the model so that all rows are replaced"
    )
    assert str(other.value) == (
        "column a cannot change from INTEGER to VARCHAR\n"
        "  a table evolves by adding columns, widening numbers and renaming\n"
        "  hint: cast it back in the query, give it another name, or rebuild the model so that all rows are replaced"
    )
    assert str(refused.value) == (
        "column t of type TIME cannot be stored as delta\n"
        '  hint: cast it in the query, for example CAST("t" AS VARCHAR)'
    )
