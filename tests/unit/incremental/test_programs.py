"""Query in, program out: golden texts, each executed over two epochs and readable by other engines' dialects."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from headwater.errors import DeclarationError
from headwater.incremental.program import ChangeMode, Program
from headwater.sql.parse import dialect, parse_engine_sql

folder = Path(__file__).parents[2] / "golden" / "incremental"
cases = sorted(path.stem for path in folder.glob("*.sql"))

replaced = {"prices": ChangeMode.REPLACE}
noon = datetime(2013, 1, 1, 12, 30)  # noqa: DTZ001 - a TIMESTAMP without time zone
epochs: list[dict[str, list[tuple[Any, ...]]]] = [
    {
        "orders": [(1, 2, "x", [1, 2], noon), (2, 0, None, [], noon), (2, 1, "y", [3], noon.replace(hour=13))],
        "returns": [(2, 1, "y", [1], noon)],
        "prices": [("x", Decimal("1.50"))],
    },
    {
        "orders": [(1, None, "x", [4], noon), (3, 3, "z", [1, 1], noon.replace(hour=14))],
        "returns": [(1, None, None, [], noon), (3, 3, "z", [2], noon)],
        "prices": [("y", Decimal("2.00")), ("z", Decimal("0.25"))],
    },
]
everything = {name: [row for epoch in epochs for row in epoch[name]] for name in epochs[0]}


def query_of(case: str) -> str:
    return (folder / f"{case}.sql").read_text(encoding="utf-8")


def render(program: Program) -> str:
    """A program as text, one statement a paragraph."""
    lines = [f"kind: {program.kind}", f"mode: {program.mode}", "inputs:"]
    lines += [f"  {read.role} {read.relation}" for read in program.inputs]
    lines.append("blocks:")
    for block in program.blocks:
        lines.append(f"  {block.name}: {block.kind} because {block.why}")
        if block.cheaper:
            lines.append(f"    cheaper: {block.cheaper}")
    for title, statements in (("epoch", program.statements), ("rebuild", program.rebuild)):
        lines.append(f"{title}:")
        if title == "rebuild" and statements == program.statements:
            lines.append("  the same")
            continue
        for statement in statements:
            pretty = dialect.generate(parse_engine_sql(statement.sql), pretty=True, comments=False)
            lines += [f"  {statement.creates} AS", *(f"    {line}" for line in pretty.splitlines())]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", cases)
def test_the_program_of_a_query(shop: Any, golden: Any, case: str) -> None:
    _, program = shop.compile(query_of(case), replaced)
    golden(f"incremental/{case}.program", render(program))


@pytest.mark.parametrize("case", cases)
def test_the_program_publishes_what_the_batch_query_yields(shop: Any, case: str) -> None:
    analysis, program = shop.compile(query_of(case), replaced)
    expected = shop.batch(analysis, everything)
    assert expected
    if program.mode is ChangeMode.APPEND:
        assert shop.over_epochs(program, epochs) == expected
        assert shop.rebuilt(program, everything) == expected
    else:
        assert shop.from_history(program.statements, everything) == expected
        assert program.rebuild == program.statements


@pytest.mark.parametrize("dialect", ["spark", "trino"])
@pytest.mark.parametrize("case", cases)
def test_every_statement_reads_in_other_dialects(shop: Any, case: str, dialect: str) -> None:
    _, program = shop.compile(query_of(case), replaced)
    for statement in (*program.statements, *program.rebuild):
        tree = sqlglot.parse_one(statement.sql, dialect="duckdb")
        text = tree.sql(dialect, unsupported_level=sqlglot.ErrorLevel.RAISE)
        again = sqlglot.parse_one(text, dialect=dialect)
        assert isinstance(again, sqlglot.exp.Query)
        assert {table.name for table in again.find_all(sqlglot.exp.Table) if "." in table.name} == {
            table.name for table in tree.find_all(sqlglot.exp.Table) if "." in table.name
        }


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) AS n FROM orders",
        "SELECT a FROM orders QUALIFY row_number() OVER (ORDER BY a) = 1",
        "SELECT a FROM (SELECT a FROM orders LIMIT 2) AS d",
        "(SELECT a FROM orders) OFFSET 1",
        "SELECT a FROM orders INTERSECT ALL SELECT a FROM returns",
        "SELECT o.a FROM orders AS o FULL JOIN (VALUES (1)) AS v(x) ON v.x = o.a",
        "SELECT o.a FROM orders AS o ASOF JOIN returns AS r ON o.at >= r.at",
        "SELECT o.a, p.n FROM orders AS o, LATERAL (SELECT count(*) AS n FROM returns AS r WHERE r.a = o.a) AS p",
        "SELECT first(a) AS a FROM orders",
        "SELECT a, s FROM orders UNION ALL BY NAME SELECT s, b FROM returns",
        "SELECT o AS r FROM orders AS o",
        "SELECT v.x, o.a FROM orders AS o POSITIONAL JOIN (VALUES (1)) AS v(x)",
        "SELECT * FROM orders UNPIVOT (v FOR n IN (a, b))",
        "SELECT (SELECT max(o.a)) AS a FROM orders AS o",
        "SELECT (SELECT max(o.a) FROM (VALUES (1)) AS v(x)) AS a FROM orders AS o",
        "SELECT a, sum(b) OVER () AS b FROM orders",
        "SELECT unnest(list(a)) AS a FROM orders",
        "SELECT a FROM orders WHERE a = (SELECT max(a) FROM returns)",
        "SELECT o.a FROM orders AS o JOIN orders AS p ON o.a = p.b",
        "WITH q AS (SELECT a FROM orders) SELECT q.a FROM q JOIN q AS r ON q.a = r.a",
    ],
)
def test_what_looks_at_several_rows_is_no_map(shop: Any, query: str) -> None:
    analysis, program = shop.compile(query)
    assert program.mode is ChangeMode.REPLACE
    assert program.blocks[-1].why
    assert shop.from_history(program.statements, everything) == shop.batch(analysis, everything)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * EXCLUDE (b) FROM orders",
        "SELECT COLUMNS('a|b') FROM orders",
        "SELECT a AS k, k + 1 AS k2 FROM orders WHERE k > 0",
        "SELECT o.* FROM orders AS o WHERE EXISTS (SELECT 1 FROM unnest(o.xs) AS u(x) WHERE x > 1)",
        "SELECT * FROM orders NATURAL JOIN (VALUES (1, 'z')) AS v(a, z)",
        "SELECT * FROM orders JOIN (VALUES (1, 'z')) AS v(a, z) USING (a)",
        "SELECT a, unnest({'x': b, 'y': s}) FROM orders",
        "WITH v AS (SELECT * FROM range(3) AS r(i)) SELECT a, i FROM orders, v",
        "SELECT a FROM orders WHERE a IN (SELECT x FROM (VALUES (1), (2)) AS v(x))",
        "SELECT a, [x FOR x IN xs IF x > 1] AS ys FROM orders",
        "SELECT o.a, l.x FROM orders AS o LEFT JOIN LATERAL (SELECT x FROM unnest(o.xs) AS u(x)) AS l ON TRUE",
        "SELECT a FROM ((SELECT a FROM orders) UNION ALL (SELECT a FROM returns)) AS d",
        "SELECT greatest(a, b) AS g, list_max(xs) AS m FROM orders",
    ],
)
def test_what_treats_rows_alone_is_a_map(shop: Any, query: str) -> None:
    analysis, program = shop.compile(query)
    assert program.mode is ChangeMode.APPEND
    expected = shop.batch(analysis, everything)
    assert shop.over_epochs(program, epochs) == expected
    assert shop.rebuilt(program, everything) == expected


def test_reserved_column_names_are_refused(shop: Any) -> None:
    with pytest.raises(DeclarationError) as caught:
        shop.compile("SELECT a AS _hw_source FROM orders")
    assert str(caught.value) == (
        "the column name '_hw_source' is reserved\n  hint: names that start with '_hw_' are headwater's own"
    )
