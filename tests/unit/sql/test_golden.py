"""Queries with their whole analysis, and the proof that engine SQL means what the user wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.errors import HeadwaterError
from headwater.sql import language as sql

folder = Path(__file__).parents[2] / "golden" / "sql"
plain_topics = ("operators", "names", "stars", "joins", "aggregates", "nested", "sets")


def queries(topic: str) -> Iterator[str]:
    text = (folder / "queries" / f"{topic}.sql").read_text(encoding="utf-8")
    yield from (query for query in text.split(";\n") if query.strip())


@pytest.mark.parametrize(
    "query",
    [
        "SELECT (quality) AS quality FROM readings WHERE ((quality) > (1) AND (value > 2 OR quality = 3))",
        "SELECT ((quality)) AS quality FROM readings WHERE (quality > 1 AND (value > 2 OR quality = (3)))",
    ],
)
def test_parentheses_that_change_nothing_do_not_count(query: str, world) -> None:
    plain = "SELECT quality AS quality FROM readings WHERE quality > 1 AND (value > 2 OR quality = 3)"
    assert world.analyse(query).canonical == world.analyse(plain).canonical


def described(query: str, analysis: sql.Analysis) -> str:
    lines = [query.strip(), f"  canonical: {analysis.canonical}"]
    if analysis.engine_sql != analysis.canonical:
        lines.append(f"  engine: {analysis.engine_sql}")
    lines.append("  reads: " + (", ".join(map(str, analysis.reads)) or "nothing"))
    for column, line in zip(analysis.schema, analysis.lineage, strict=True):
        assert column.name == line.column
        direct = ", ".join(f"{each.relation}.{each.column}" for each in line.direct) or "nothing"
        indirect = ", ".join(f"{each.relation}.{each.column}" for each in line.indirect)
        by = f" by {indirect}" if indirect else ""
        lines.append(f"  {column.name} {column.type}: {line.transformation} of {direct}{by}")
    lines += [f"  warning at {w.where.line}:{w.where.column}: {w.message} ({w.hint})" for w in analysis.warnings]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("topic", [*plain_topics, "windows"])
def test_analysis(topic: str, world, golden: Callable[[str, str], None]) -> None:
    found = [described(query, world.analyse(query)) for query in queries(topic)]
    golden(f"sql/{topic}.txt", "\n".join(found))


@pytest.mark.parametrize("topic", plain_topics)
def test_engine_sql_gives_what_the_query_gives(topic: str, world) -> None:
    with world.connect() as connection:
        for query in queries(topic):
            written = connection.sql(query)
            engine = connection.sql(world.analyse(query).engine_sql)
            assert [c.lower() for c in engine.columns] == [c.lower() for c in written.columns], query
            assert [str(t) for t in engine.types] == [str(t) for t in written.types], query
            results = [
                Counter(connection.sql(f"SELECT COLUMNS(*)::VARCHAR FROM ({text})").fetchall())
                for text in (query, world.analyse(query).engine_sql)
            ]
            assert results[0] == results[1], query


@pytest.mark.parametrize("topic", [*plain_topics, "windows"])
def test_canonical_text_is_its_own_canonical_text(topic: str, world) -> None:
    for query in queries(topic):
        canonical = world.analyse(query).canonical
        renamed = {f"{r.product}.{r.name}": r for r in world.schemas}

        def resolve(parts: tuple[str, ...], known=renamed):
            return known[".".join(parts)]

        again = sql.analyse(
            canonical, name=world.model, resolve=resolve, schemas=world.schemas, binder=world.bind, path="canonical"
        )
        assert again.canonical == canonical


def test_messages(world, golden: Callable[[str, str], None]) -> None:
    found = []
    for query in queries("errors"):
        try:
            world.analyse(query)
        except HeadwaterError as error:
            found.append(f"{error}\n")
        else:
            found.append(f"ACCEPTED: {query}\n")
    golden("sql/errors.txt", "\n----\n".join(found))
