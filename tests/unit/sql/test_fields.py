"""Fields that a query depends on: none is missing, and those that are not asked for may hold anything."""

from __future__ import annotations

from typing import Final

import pytest

from headwater.sql.fields import expression_fields
from headwater.types import DataType, RelationName, Schema, quote_identifier

from .conftest import World, connected

events = RelationName("shop", "events")
people = RelationName("shop", "people")
schemas: Final = {
    events: Schema.of(
        {
            "kind": "integer",
            "at": "timestamp",
            "bid": "struct(auction bigint, price bigint, url varchar, more struct(x int, y varchar))",
            "tags": "varchar[]",
            "note": "varchar",
        }
    ),
    people: Schema.of({"id": "bigint", "name": "varchar", "city": "varchar", "note": "varchar"}),
}
rows: Final = {
    events: """SELECT range % 3 AS kind, TIMESTAMP '2026-01-01' + INTERVAL (range) MINUTE AS at,
        CASE WHEN range % 5 > 0 THEN {'auction': range % 4, 'price': range * 7 % 11, 'url': 'u' || range,
        'more': CASE WHEN range % 2 = 0 THEN {'x': range % 6, 'y': 'y' || range % 3} END} END AS bid,
        ['t' || range % 2, 'n' || range] AS tags, 'note ' || range AS note FROM range(60)""",
    people: """SELECT range AS id, 'name ' || range % 5 AS name, CASE WHEN range % 3 > 0 THEN 'city ' || range % 2 END
        AS city, 'note ' || range AS note FROM range(12)""",
}


def used(text: str) -> list[str]:
    """The fields of a query, as ``relation.path`` with the output that alone depends on them."""
    found = World(schemas, rows).analyse(text).fields
    assert found is not None
    return [".".join((use.relation.name, *use.path)) + (f" > {use.output}" if use.output else "") for use in found]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("SELECT kind FROM events", ["events.kind > kind"]),
        ("SELECT kind FROM events WHERE note > 'a'", ["events.kind > kind", "events.note"]),
        ("SELECT bid.price AS p FROM events", ["events.bid.price > p"]),
        ("SELECT e.BID.Price FROM events AS e", ["events.bid.price > price"]),
        ("SELECT struct_extract(bid, 'price') AS p FROM events", ["events.bid.price > p"]),
        ("SELECT bid.more.x AS x, bid.more FROM events", ["events.bid.more > more", "events.bid.more.x > x"]),
        ("SELECT bid AS b FROM events", ["events.bid > b"]),
        ("SELECT to_json(bid) IS NULL AS b FROM events", ["events.bid > b"]),
        ("SELECT count(*) AS n FROM events", []),
        ("SELECT count(*) AS n FROM events WHERE bid IS NOT NULL", ["events.bid.auction"]),
        ("SELECT count(*) AS n FROM events WHERE bid.more IS NULL", ["events.bid.more.x"]),
        ("SELECT b FROM (SELECT note || 'x' AS b, at FROM events)", ["events.note > b"]),
        ("SELECT b.price AS p FROM (SELECT bid AS b FROM events)", ["events.bid > p"]),
        ("SELECT DISTINCT kind FROM events", ["events.kind"]),
        ("SELECT kind FROM (SELECT DISTINCT kind, note FROM events)", ["events.kind", "events.note"]),
        ("SELECT kind, max(note) AS m FROM events GROUP BY ALL", ["events.kind", "events.note"]),
        ("SELECT kind, max(note) AS m FROM events GROUP BY kind", ["events.kind", "events.note > m"]),
        ("WITH c AS (SELECT * FROM events) SELECT note FROM c", ["events.note > note"]),
        (
            "SELECT window_start AS w, count(*) AS n FROM SESSION(events PARTITION BY kind, at, INTERVAL 2 MINUTES) "
            "GROUP BY window_start",
            ["events.at", "events.kind"],
        ),
        (
            "SELECT e.kind FROM events AS e JOIN people USING (note)",
            ["events.kind > kind", "events.note", "people.note"],
        ),
        (
            "SELECT kind FROM events AS e WHERE EXISTS (SELECT 1 FROM people AS p WHERE p.id = e.bid.auction)",
            ["events.bid.auction", "events.kind > kind", "people.id"],
        ),
        ("SELECT kind FROM events UNION ALL SELECT id FROM people", ["events.kind > kind", "people.id > kind"]),
        ("SELECT kind FROM events UNION SELECT id FROM people", ["events.kind", "people.id"]),
        ("SELECT list_filter(tags, lambda t: t > note) AS l FROM events", ["events.note > l", "events.tags > l"]),
        ("SELECT kind FROM events ORDER BY bid.price LIMIT 3", ["events.bid.price", "events.kind > kind"]),
        ("SELECT unnest(tags) AS t, kind FROM events", ["events.kind > kind", "events.tags"]),
        ("SELECT * FROM people", [f"people.{name} > {name}" for name in ("city", "id", "name", "note")]),
        ("SELECT e FROM events AS e", ["events > e"]),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT kind FROM events, r",
            ["events"],
        ),
    ],
)
def test_fields(query: str, fields: list[str]) -> None:
    assert used(query) == fields


queries: Final = [
    "SELECT kind, bid.price + 1 AS p FROM events WHERE at > TIMESTAMP '2026-01-01 00:10:00' AND bid.more IS NOT NULL",
    "SELECT kind, sum(bid.price) AS s, count(bid.url) AS c FROM events GROUP BY kind HAVING max(bid.more.x) > 1",
    "SELECT bid.auction AS a, at FROM events QUALIFY row_number() OVER (PARTITION BY bid.auction ORDER BY at DESC) = 1",
    "SELECT window_start, kind, count(*) AS n FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(at), INTERVAL '7' MINUTE)) "
    "GROUP BY window_start, kind",
    "SELECT window_start, max(bid.price) AS m FROM TABLE(HOP(TABLE events, DESCRIPTOR(at), INTERVAL '2' MINUTE, "
    "INTERVAL '6' MINUTE)) GROUP BY window_start",
    "SELECT kind, window_start, count(*) AS n FROM SESSION(events PARTITION BY kind, at, INTERVAL 2 MINUTES) "
    "GROUP BY kind, window_start",
    "SELECT p.name, e.at FROM people AS p LEFT JOIN events AS e ON p.id = e.bid.price AND e.kind = 1",
    "SELECT name FROM people WHERE id IN (SELECT bid.price FROM events WHERE kind = 2)",
    "SELECT name, (SELECT max(e.at) FROM events AS e WHERE e.bid.price = p.id) AS newest FROM people AS p",
    "SELECT name FROM people WHERE id NOT IN (SELECT bid.auction FROM events WHERE bid.auction IS NOT NULL)",
    "WITH a AS (SELECT *, bid.price AS price FROM events), b AS (SELECT price, count(*) AS n FROM a GROUP BY ALL) "
    "SELECT a.kind, b.n FROM a JOIN b USING (price)",
    "SELECT x.k, y.m FROM (SELECT kind AS k, * EXCLUDE (kind) FROM events) AS x, LATERAL (SELECT max(id) AS m "
    "FROM people WHERE people.id < x.bid.price) AS y",
    "SELECT t.v, count(*) AS n FROM events, unnest(tags) AS t(v) WHERE kind = 0 GROUP BY t.v",
    "SELECT kind AS k, k + 1 AS l FROM events WHERE k > 0 ORDER BY 2, l LIMIT 7",
    "SELECT id FROM people EXCEPT SELECT bid.auction FROM events",
    "SELECT city, list(name ORDER BY note) AS l FROM people GROUP BY city",
    "SELECT kind, at FROM events ASOF JOIN (SELECT TIMESTAMP '2026-01-01 00:20:00' AS t) AS m ON events.at >= m.t",
    "SELECT CASE WHEN bid IS NULL THEN 'none' ELSE bid.more.y END AS y FROM events",
    "SELECT first_value(bid.url) OVER w AS f FROM events WINDOW w AS (PARTITION BY kind ORDER BY at)",
    "SELECT DISTINCT ON (kind) kind, bid.price AS p FROM events ORDER BY kind, at",
]


@pytest.mark.parametrize("query", queries)
def test_what_is_not_asked_for_does_not_matter(query: str) -> None:
    """The query says the same over rows in which nothing else is left."""
    analysis = World(schemas, rows).analyse(query)
    assert analysis.fields is not None
    said = []
    for narrow in (False, True):
        database = connected()
        for relation, schema in schemas.items():
            asked = {use.path for use in analysis.fields if use.relation == relation} if narrow else {()}
            assert not narrow or () not in asked
            columns = ", ".join(f"{kept((), c.name, c.type, asked)} AS {quote_identifier(c.name)}" for c in schema)
            source = f"SELECT {columns} FROM ({rows[relation]})"
            database.execute(f"CREATE TABLE {quote_identifier(str(relation))} AS {source}")
        said.append(database.execute(f"SELECT * FROM ({analysis.engine_sql}) ORDER BY ALL").fetchall())
    assert said[0] == said[1]
    assert said[0]


def kept(above: tuple[str, ...], name: str, type: DataType, asked: set[tuple[str, ...]]) -> str:
    """A field with what is asked for of it, and NULL for the rest."""
    path = (*above, name)
    value = ".".join(map(quote_identifier, path))
    if any(path[:end] in asked for end in range(len(path) + 1)):
        return value
    if not any(each[: len(path)] == path for each in asked):
        return f"CAST(NULL AS {type})"
    members = ", ".join(f"{each.name}: {kept(path, each.name, each.type, asked)}" for each in type.fields)
    return f"CASE WHEN {value} IS NOT NULL THEN {{{members}}} END"


@pytest.mark.parametrize(
    ("conditions", "fields"),
    [
        ([], set()),
        (
            ['"kind" IS NOT NULL', '"bid" IS NULL OR struct_extract("bid", \'price\') >= 3'],
            {("kind",), ("bid", "auction"), ("bid", "price")},
        ),
        (["len(list_filter(\"tags\", lambda i: NOT coalesce(i <> 'x', TRUE))) = 0"], {("tags",)}),
        (["(SELECT count(*) FROM elsewhere) > 1"], {()}),
    ],
)
def test_conditions(conditions: list[str], fields: set[tuple[str, ...]]) -> None:
    assert expression_fields(conditions, schemas[events]) == fields
