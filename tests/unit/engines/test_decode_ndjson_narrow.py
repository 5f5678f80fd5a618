"""NDJSON of which some fields are asked for: they hold what they hold when all are, and the same lines are refused."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from headwater.engines.duckdb.narrowing import kept_column
from headwater.spi.engine import Landed, Session
from headwater.types import Column, DataType, FieldPath, Schema, quote_identifier

from .conftest import Scan

events = Schema.of(
    {
        "id": "integer",
        "name": "varchar",
        "at": "timestamp",
        "more": "struct(x int, y text, z text, deep struct(p double, q text))",
        "words": "struct(a text, b text)",
        "items": "struct(n bigint, t text)[]",
        "tags": "map(varchar, struct(v int, w text))",
        "day": "date",
    }
)
paths: dict[FieldPath, str] = {
    **{(name,): quote_identifier(name) for name in events.names},
    ("more", "x"): "more.x",
    ("MORE", "y"): "more.y",
    ("more", "deep", "q"): "more.deep.q",
    ("more", "deep"): "more.deep",
    ("words", "b"): "words.b",
    ("items", "n"): "items",
}
"""Fields that may be asked for, and the SQL that yields them."""


class Lines:
    """Lines of NDJSON with faults of every kind, from a seed."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)

    def some(self) -> bytes:
        lines = [self._line() for _ in range(self._draw.randint(1, 12))]
        return "".join(f"{line}\n" for line in lines).encode()

    def _line(self) -> str:
        if self._draw.random() < self._draw.choice((0, 0, 0.1)):
            return self._draw.choice(("null", "[]", "7", '{"id": 1', "{}", "", '{"name": "\\ud800"}', '"x"'))
        return self._object(events.columns, 0.02)

    def _object(self, members: tuple[Column, ...], twice: float) -> str:
        chosen = [member for member in members if self._draw.random() < 0.7]
        if self._draw.random() < twice and chosen:
            chosen.append(self._draw.choice(chosen))
        if self._draw.random() < 0.1:
            chosen.append(Column("other", DataType("VARCHAR")))
        self._draw.shuffle(chosen)
        return "{" + ", ".join(f"{json.dumps(each.name)}: {self._value(each.type)}" for each in chosen) + "}"

    def _value(self, type: DataType) -> str:
        if self._draw.random() < 0.02:
            return self._draw.choice(("1", '"x"', "[]", "{}", "true", "1.5", '[{"n": 1}]', '{"k": "v"}', "1e400"))
        if self._draw.random() < 0.1:
            return "null"
        match type.name:
            case "STRUCT":
                return self._object(type.fields, 0.02)
            case "LIST":
                assert type.element is not None
                return f"[{', '.join(self._value(type.element) for _ in range(self._draw.randint(0, 2)))}]"
            case "MAP":
                assert type.element is not None
                return "{" + ", ".join(f'"{key}": {self._value(type.element)}' for key in "kl") + "}"
            case "TIMESTAMP":
                return self._draw.choice(('"2026-01-01 10:00:00"', '"2026-01-01T10:00:00+02:00"', '"2026-01-01"'))
            case "DATE":
                return '"2026-02-03"'
            case "VARCHAR":
                return self._draw.choice(('"text"', '""', "5", '{"in": ["text"]}', "[1]", "true", '"\\u00e4\\n"'))
            case "DOUBLE":
                return self._draw.choice(("1.5", "2", '"0.25"'))
            case _:
                return self._draw.choice(("7", '"8"', "0"))


def rows(session: Session, relation: str, fields: list[str]) -> list[tuple[Any, ...]]:
    shown = ", ".join([*fields, "_hw_source", "_hw_offset"])
    return session.fetch(f"SELECT {shown} FROM {relation} ORDER BY _hw_source, _hw_offset")


@pytest.mark.parametrize("seed", range(60))
def test_what_is_asked_for_is_the_same(session: Session, scan: Scan, seed: int) -> None:
    draw, lines = random.Random(seed), Lines(seed)
    files = scan("ndjson", *(lines.some() for _ in range(draw.randint(1, 2))))
    needed = draw.sample([*paths], draw.randint(0, 5))
    session.begin()
    if draw.random() < 0.3:
        session.execute("CREATE TABLE begun (x INTEGER)")
    narrow = session.land('"narrow"', files, schema=events, rejects='"refused"', needed=needed)
    whole = session.land('"whole"', files, schema=events, rejects='"refused wholly"')
    assert narrow == whole
    assert whole.whole
    asked = [paths[path] for path in needed]
    assert rows(session, '"narrow"', asked) == rows(session, '"whole"', asked)
    refused, wholly = (
        session.fetch(f"SELECT * FROM {name} ORDER BY ALL") for name in ('"refused"', '"refused wholly"')
    )
    assert refused == wholly
    types = [session.fetch(f"SELECT * FROM (DESCRIBE {name})") for name in ('"narrow"', '"whole"')]
    assert types[0] == types[1]
    session.rollback()


def test_what_is_not_asked_for_is_absent(session: Session, scan: Scan) -> None:
    files = scan("ndjson", b'{"id": 1, "name": "n", "more": {"x": 2, "y": "y"}, "words": null}\n')
    landed = session.land('"t"', files, schema=events, rejects='"r"', needed=[("id",), ("more", "x")])
    assert not landed.whole
    assert session.fetch('SELECT id, name, more, words FROM "t"') == [
        (1, None, {"x": 2, "y": None, "z": None, "deep": None}, None)
    ]


def test_a_structure_that_is_absent_stays_so(session: Session, scan: Scan) -> None:
    files = scan("ndjson", b'{"id": 1}\n{"id": 2, "more": {}}\n{"id": 3, "more": null}\n')
    session.land('"t"', files, schema=events, rejects='"r"', needed=[("id",), ("more", "x")])
    assert session.fetch('SELECT id FROM "t" WHERE more IS NOT NULL') == [(2,)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": 1, "day": "soon"}',
        b'{"id": 1, "name": "a", "name": "b"}',
        b'{"id": 1, "more": {"y": "a", "y": "b"}}',
        b'{"id": 1, "more": {"deep": {"p": "x"}}}',
        b'{"id": 1, "words": "text"}',
        b'{"id": 1, "items": [{"n": "x"}]}',
        b"null",
    ],
)
def test_faults_of_what_is_not_asked_for_are_seen(session: Session, scan: Scan, line: bytes) -> None:
    files = scan("ndjson", b'{"id": 1}\n' + line + b"\n")
    landed = session.land('"t"', files, schema=events, rejects='"r"', needed=[("id",)])
    assert (landed, landed.whole) == (Landed(1, 1), True)


def test_rows_in_which_all_that_is_asked_for_is_absent(session: Session, scan: Scan) -> None:
    """They look like a line that is ``null``, and are none."""
    schema = Schema.of({"a": "varchar", "b": "varchar"})
    landed = session.land('"t"', scan("ndjson", b'{"a": "x"}\n{"b": "y"}\n'), schema=schema, needed=[("a",)])
    assert landed == Landed(2, 0)
    assert session.fetch('SELECT a FROM "t"') == [("x",), (None,)]


@pytest.mark.parametrize(
    ("type", "needed", "kept"),
    [
        ("varchar", [], None),
        ("varchar", [("c",)], "VARCHAR"),
        ("integer", [("d",)], None),
        ("struct(a text)", [], None),
        ("struct(a text, b int)", [("C", "A")], 'STRUCT("a" VARCHAR)'),
        ("struct(a text, b int)", [("c", "a"), ("c",)], 'STRUCT("a" VARCHAR, "b" INTEGER)'),
        ("struct(a struct(b text, c text), d int)", [("c", "a", "c")], 'STRUCT("a" STRUCT("c" VARCHAR))'),
        ("text[]", [], None),
        ("struct(a text)[]", [("c", "a")], 'STRUCT("a" VARCHAR)[]'),
    ],
)
def test_what_is_kept_of_a_type(type: str, needed: list[FieldPath], kept: str | None) -> None:
    column = Column("c", DataType.parse(type))
    assert kept_column(column, needed).type == (None if kept is None else DataType.parse(kept))
    assert kept_column(column, None).is_whole
