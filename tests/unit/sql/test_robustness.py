"""Broken text is refused with a message: no entrance lets another error through."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot.errors import SqlglotError

from headwater.errors import DeclarationError, HeadwaterError
from headwater.sql import language as sql
from headwater.sql.flink import to_flink
from headwater.sql.parse import dialect
from headwater.types import RelationName, Schema

folder = Path(__file__).parents[2] / "golden" / "sql" / "queries"
queries = [
    q for file in sorted(folder.glob("*.sql")) for q in file.read_text(encoding="utf-8").split(";\n") if q.strip()
]
words = re.findall(
    r"\S+",
    "SELECT FROM ( ) , * id flights WHERE . AS JOIN USING 1 'x' OVER GROUP ORDER BY ALL UNION WITH [ ] { } NULL "
    ":: -> TABLE TUMBLE HOP SESSION PIVOT UNNEST LATERAL COLUMNS EXCLUDE ? $1 @ #1 ; -- /* INTERVAL CASE END NOT IN "
    "EXISTS LIMIT VALUES ->> DESCRIPTOR PARTITION LAMBDA DISTINCT ON",
)


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """A query of the golden files with up to three tokens dropped, added, replaced or swapped."""
    text = draw(st.sampled_from(queries))
    try:
        tokens = [text[token.start : token.end + 1] for token in dialect.tokenize(text)]
    except SqlglotError:
        return text
    for _ in range(draw(st.integers(1, 3))):
        if not tokens:
            break
        at = draw(st.integers(0, len(tokens) - 1))
        other = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(["drop", "add", "replace", "swap"])):
            case "drop":
                del tokens[at]
            case "add":
                tokens.insert(at, draw(st.sampled_from(words)))
            case "replace":
                tokens[at] = draw(st.sampled_from(words))
            case _:
                tokens[at], tokens[other] = tokens[other], tokens[at]
    return " ".join(tokens)


@settings(max_examples=120, deadline=None)
@given(mangled())
def test_no_entrance_fails_otherwise(world, text: str) -> None:
    entrances: list[Callable[[], object]] = [
        lambda: sql.analyse(
            text,
            name=world.model,
            resolve=world.resolve,
            schemas=world.schemas,
            binder=lambda _sql, _relations: Schema(()),
            path="m.sql",
        ),
        lambda: sql.prepare_query(text),
        lambda: sql.check_rule_query(text, relation=RelationName("ops", "flights"), path="c.yaml"),
        lambda: to_flink(text),
    ]
    for entrance in entrances:
        try:
            entrance()
        except HeadwaterError as error:
            assert str(error)


@pytest.mark.parametrize("count", [150, 3_000, 20_000])
@pytest.mark.parametrize(
    ("start", "part", "end"),
    [
        ("SELECT 1", " + 1", " AS x"),
        ("SELECT id FROM flights WHERE id = 1", " AND id = 1", ""),
        ("SELECT ", "NOT ", "true AS x"),
        ("SELECT ", "- ", "1 AS x"),
        ("SELECT ", "(", "1"),
        ("SELECT 1", "::int", " AS x"),
        ("SELECT flights", ".a", " AS x FROM flights"),
        ("SELECT id FROM flights", " UNION ALL SELECT id FROM flights", ""),
        ("SELECT ", "CASE WHEN true THEN ", "1"),
        ("SELECT ", "upper(", "'a'"),
        ("SELECT ", "[", "1"),
    ],
)
def test_long_and_deep_queries_end_well(world, count: int, start: str, part: str, end: str) -> None:
    text = f"{start}{part * count}{end}"
    try:
        sql.analyse(
            text,
            name=world.model,
            resolve=world.resolve,
            schemas=world.schemas,
            binder=lambda _sql, _relations: Schema(()),
            path="m.sql",
        )
    except HeadwaterError as error:
        assert str(error)


def test_a_query_has_a_longest_size() -> None:
    with pytest.raises(DeclarationError, match="longer than"):
        sql.parse("SELECT '" + "x" * 1_000_001 + "' AS x", path="m.sql")
