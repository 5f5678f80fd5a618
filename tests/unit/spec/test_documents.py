"""YAML: the core schema of YAML 1.2, with the place of every key and value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import DeclarationErrors
from headwater.spec.documents import parse_document
from headwater.spec.text import FileText
from headwater.spec.writing import to_yaml


def parse(text: str) -> Any:
    return parse_document(FileText("x.yaml", text)).data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("010", 10),
        ("0o17", 15),
        ("0xff", 255),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-7", -7),
        ("1.", 1.0),
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("~", None),
        ("Null", None),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("'1'", "1"),
        ('"\\u00e9"', "é"),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("[a, 1, {b: }]", ["a", 1, {"b": None}]),
        ("-.inf", float("-inf")),
        ("<<", "<<"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    assert parse(f"key: {text}")["key"] == value


def test_every_value_and_key_knows_its_place() -> None:
    found = parse_document(FileText("x.yaml", "a:\n  - b: 1\n  - é: {c: 2}\n"))
    assert (found.where(("a", 1, "é", "c")).line, found.where(("a", 1, "é", "c")).column) == (3, 12)
    assert (found.where_key(("a", 1, "é", "c")).line, found.where_key(("a", 1, "é", "c")).column) == (3, 9)
    assert found.where(("a", 1, "é", "c")).excerpt == "  - é: {c: 2}"
    assert found.where(("a", 0, "b", "deeper", "still")) == found.where(("a", 0, "b"))


def test_a_value_below_an_alias_stands_where_the_alias_stands() -> None:
    found = parse_document(FileText("x.yaml", "a: &a {b: 1}\nc: *a\n"))
    assert found.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert str(found.where(("c", "b"))) == "x.yaml:2:4"


def test_keys_are_texts() -> None:
    assert parse("1: a\ntrue: b\n~: c\n") == {"1": "a", "true": "b", "~": "c"}


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff"), max_size=12)
    | st.sampled_from(["yes", "no", "1.0", "null", "a: b", "- a", "x\ny", " x", "x ", "#", "2024-01-01", "1e3", "\t"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcXYZ_é ", min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abc", min_size=1), json, max_size=4))
def test_what_is_written_reads_back_as_it_was(data: dict[str, Any]) -> None:
    assert parse(to_yaml(data)) == data


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_places(text: str) -> None:
    try:
        parse(text)
    except DeclarationErrors as found:
        assert all(error.where is not None for error in found.errors)
