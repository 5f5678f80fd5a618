"""Model files: the header's values, and the extent of the query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import DeclarationErrors
from headwater.spec.declarations import Model, PartitionField
from headwater.spec.models import parse_model
from headwater.spec.text import FileText
from headwater.types import RelationName


def model(text: str, path: str = "sales/orders.sql") -> Model:
    return parse_model(FileText(path, text), "sales")


def test_a_file_without_header_is_named_by_its_stem() -> None:
    found = model("SELECT 1 AS id")
    assert (found.relation, found.query, found.query_line) == (RelationName("sales", "orders"), "SELECT 1 AS id", 1)
    assert str(found.where) == "sales/orders.sql:1:1"


def test_a_header_says_everything() -> None:
    found = model(
        """
        -- a comment before
        model ( /* inside */
          name sales.daily,
          output DELTA,
          grain ("order date", shop),
          partition_by (day(placed_at), shop, bucket(16, id), identity(till)),
          description 'it''s daily; (really)',
          tags (gold, 'not for sale'),
          renames (shop = store, "order date" = "date"),
        ) ;
        SELECT 1 AS id"""
    )
    assert found.relation == RelationName("sales", "daily")
    assert found.output == "delta"
    assert found.grain == ("order date", "shop")
    assert found.partition_by == (
        PartitionField("placed_at", "day"),
        PartitionField("shop"),
        PartitionField("id", "bucket[16]"),
        PartitionField("till", "identity"),
    )
    assert found.description == "it's daily; (really)"
    assert found.tags == ("gold", "not for sale")
    assert found.renames == {"shop": "store", "order date": "date"}
    assert found.query == "        SELECT 1 AS id"
    assert found.query_line == 12
    assert str(found.where) == "sales/orders.sql:3:9"


def test_single_values_need_no_parentheses() -> None:
    found = model("MODEL (grain id, partition_by month(at), tags gold, renames a = b);\nSELECT 1")
    assert (found.grain, found.partition_by, found.tags) == (("id",), (PartitionField("at", "month"),), ("gold",))
    assert found.renames == {"a": "b"}


def test_a_query_beside_its_header_keeps_its_columns() -> None:
    found = model("MODEL (name a); SELECT 1")
    assert (found.query_line, found.query) == (1, "                SELECT 1")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ';' AS a",
        'SELECT 1 AS ";"',
        "SELECT 1 -- ; not the end\n + 1",
        "SELECT 1 /* ; */ + 1",
        "SELECT $$;$$ AS a",
        "SELECT $tag$ ; $$ ; $tag$ AS a",
        r"SELECT E'it\'s; fine' AS a",
        "SELECT 'it''s; fine' AS a",
        "SELECT some_e';' AS a",
        "SELECT 4 - 2 / 1",
    ],
)
def test_a_semicolon_inside_of_texts_and_comments_ends_nothing(query: str) -> None:
    assert model(query).query == query
    assert model(f"{query};").query == query
    assert model(f"{query} ;\n-- the end\n;").query == f"{query} "
    with pytest.raises(DeclarationErrors) as found:
        model(f"{query};\nSELECT 2")
    assert found.value.errors[0].message == "a second statement begins"


def test_windows_line_ends_count_as_one() -> None:
    found = model("MODEL (name a);\r\n\r\nSELECT 1\r\n")
    assert (found.query_line, found.query) == (2, "\r\nSELECT 1\r\n")


@given(st.text("MODEL(),;='\"-/*$ab1. \n", max_size=80))
def test_any_header_is_read_or_refused_with_places(text: str) -> None:
    try:
        found = model(f"MODEL ({text}")
    except DeclarationErrors as found_errors:
        assert all(error.where is not None for error in found_errors.errors)
    else:
        assert found.query.strip()
