"""The equivalence law over generated queries, data and splits: epochs, rebuild and batch agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.incremental.program import BlockKind, ChangeMode

# Every generated block has the columns (a INTEGER, b INTEGER, s VARCHAR, xs INTEGER[]), so that blocks nest freely.
numbers = st.sampled_from(
    ["{0}.a", "{0}.b", "{0}.a + 1", "coalesce({0}.b, 0)", "len({0}.s)", "list_sum({0}.xs)::INTEGER"]
)
texts = st.sampled_from(["{0}.s", "upper({0}.s)", "{0}.s || 'x'", "CASE WHEN {0}.a > 2 THEN 'big' ELSE {0}.s END"])
lists = st.sampled_from(
    ["{0}.xs", "list_concat({0}.xs, [{0}.a])", "list_transform({0}.xs, lambda x: x + 1)", "[{0}.a, {0}.b]"]
)
filters = st.sampled_from(
    ["TRUE", "{0}.a > 1", "{0}.s IS NOT NULL", "{0}.b IN (0, 1, 2)", "list_contains({0}.xs, 1)", "NOT {0}.a = {0}.b"]
)
items = st.sampled_from(
    [
        "{0} AS t",
        "{0} AS t CROSS JOIN (VALUES (1), (2)) AS v(x)",
        "{0} AS t JOIN (VALUES (1, 'one'), (2, 'two')) AS v(x, word) ON t.a = v.x",
        "{0} AS t LEFT JOIN (VALUES (1, 'one')) AS v(x, word) ON t.a = v.x",
        "{0} AS t SEMI JOIN (VALUES (1), (3)) AS v(x) ON t.b = v.x",
        "{0} AS t ANTI JOIN (VALUES (1), (3)) AS v(x) ON t.b = v.x",
        "(VALUES (1), (2)) AS v(x) RIGHT JOIN {0} AS t ON t.a = v.x",
        "{0} AS t, unnest(t.xs) AS v(x)",
        "{0} AS t CROSS JOIN range(t.b % 3) AS v(x)",
    ]
)
beyond_maps = st.sampled_from(
    [
        "SELECT t.a, max(t.b) AS b, min(t.s) AS s, [count(*)::INTEGER] AS xs FROM {0} AS t GROUP BY t.a",
        "SELECT DISTINCT t.a, t.b, t.s, t.xs FROM {0} AS t",
        "SELECT t.a, count(*) OVER (PARTITION BY t.a)::INTEGER AS b, t.s, t.xs FROM {0} AS t",
        "SELECT t.a, 1 AS b, 'w' AS s, [t.a] AS xs FROM {0} AS t ORDER BY 1 LIMIT 3",
        "SELECT t.a, t.b, t.s, t.xs FROM {0} AS t WHERE t.a IN (SELECT r.b FROM returns AS r)",
        "SELECT t.a, r.b, t.s, r.xs FROM {0} AS t JOIN returns AS r ON t.a = r.a",
        "SELECT t.a, t.b, t.s, t.xs FROM {0} AS t UNION ALL SELECT 7, 7, 'seven', [7]",
        "SELECT t.a, t.b, t.s, t.xs FROM {0} AS t EXCEPT SELECT r.a, r.b, r.s, r.xs FROM returns AS r",
        "SELECT max(t.a) AS a, 1 AS b, 'w' AS s, [1] AS xs FROM {0} AS t",
        "SELECT v.x AS a, t.b, t.s, t.xs FROM (VALUES (1), (9)) AS v(x) LEFT JOIN {0} AS t ON t.a = v.x",
    ]
)


@st.composite
def selects(draw: st.DrawFn, source: str) -> str:
    a, b, s, xs, kept = (draw(part).format("t") for part in (numbers, numbers, texts, lists, filters))
    item = draw(items).format(source)
    return f"SELECT {a} AS a, {b} AS b, {s} AS s, {xs} AS xs FROM {item} WHERE {kept}"


@st.composite
def maps(draw: st.DrawFn, depth: int = 2, ctes: tuple[str, ...] = ()) -> str:
    """A query that treats rows alone: selects over relations, CTEs and derived tables, and UNION ALL of such."""
    if depth == 0:
        return draw(selects(draw(st.sampled_from(["orders", "returns", *ctes]))))
    match draw(st.sampled_from(["select", "derived", "union", "with", "unnest"])):
        case "select":
            return draw(maps(0, ctes))
        case "derived":
            return draw(selects(f"({draw(maps(depth - 1, ctes))})"))
        case "union":
            return f"{draw(maps(depth - 1, ctes))} UNION ALL ({draw(maps(depth - 1, ctes))})"
        case "with":
            name = f"q{len(ctes)}"
            inner = draw(maps(depth - 1, ctes))
            outer = draw(maps(depth - 1, (*ctes, name)))
            columns = draw(st.sampled_from(["", "(a, b, s, xs)"]))
            body = f"SELECT t.a, t.b, t.s, t.xs FROM ({outer}) AS t"
            return f"WITH {name}{columns} AS ({inner}) {body}" if not ctes else draw(maps(0, ctes))
        case _:
            source = draw(st.sampled_from(["orders", "returns", *ctes]))
            return f"SELECT unnest(t.xs) AS a, t.b, t.s, t.xs FROM {source} AS t"


@st.composite
def any_queries(draw: st.DrawFn) -> str:
    """Something beyond maps, over or below a map."""
    core = draw(beyond_maps).format(f"({draw(maps(1))})")
    return draw(st.sampled_from([core, f"SELECT t.a, t.b, t.s, t.xs FROM ({core}) AS t WHERE t.a > 0"]))


small = st.one_of(st.none(), st.integers(0, 4))
rows = st.lists(
    st.tuples(
        small, small, st.one_of(st.none(), st.sampled_from(["", "x", "y"])), st.lists(st.integers(0, 3), max_size=2)
    ),
    max_size=6,
)


@st.composite
def split_data(draw: st.DrawFn) -> list[dict[str, list[tuple[Any, ...]]]]:
    """Rows of both relations, dealt out to one to four epochs."""
    count = draw(st.integers(1, 4))
    epochs: list[dict[str, list[tuple[Any, ...]]]] = [{"orders": [], "returns": []} for _ in range(count)]
    for name in ("orders", "returns"):
        for row in draw(rows):
            epochs[draw(st.integers(0, count - 1))][name].append((*row, None))
    return epochs


def together(epochs: list[dict[str, list[tuple[Any, ...]]]]) -> Mapping[str, list[tuple[Any, ...]]]:
    return {name: [row for epoch in epochs for row in epoch[name]] for name in ("orders", "returns")}


law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@law
@given(query=maps(), epochs=split_data())
def test_a_map_over_any_split_equals_the_batch_query(shop: Any, query: str, epochs: Any) -> None:
    analysis, program = shop.compile(query)
    assert (program.kind, program.mode) == (BlockKind.MAP, ChangeMode.APPEND)
    expected = shop.batch(analysis, together(epochs))
    assert shop.over_epochs(program, epochs) == expected
    assert shop.rebuilt(program, together(epochs)) == expected


@law
@given(query=any_queries(), epochs=split_data())
def test_what_is_no_map_is_computed_anew_and_equals_the_batch_query(shop: Any, query: str, epochs: Any) -> None:
    analysis, program = shop.compile(query)
    assert (program.kind, program.mode) == (BlockKind.FULL, ChangeMode.REPLACE)
    expected = shop.batch(analysis, together(epochs))
    assert shop.from_history(program.statements, together(epochs)) == expected
    assert program.rebuild == program.statements


@law
@given(query=maps())
def test_a_replaced_input_makes_every_reader_full(shop: Any, query: str) -> None:
    modes: dict[str, ChangeMode] = dict.fromkeys(("orders", "returns"), ChangeMode.REPLACE)
    _, program = shop.compile(query, modes)
    assert program.mode is ChangeMode.REPLACE


def test_text_of_a_program_does_not_depend_on_the_run(shop: Any) -> None:
    compile_: Callable[[str], Any] = shop.compile
    query = "WITH q AS (SELECT a FROM orders) SELECT a FROM q UNION ALL SELECT b FROM returns"
    assert compile_(query) == compile_(query)
