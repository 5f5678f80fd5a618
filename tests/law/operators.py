"""Generated queries without time: projections, groups, joins, subqueries, set operations, analytic functions."""

from __future__ import annotations

from tests.law.expressions import ROUGH, Col, Item, Query, Rows, Writer


def projection(w: Writer, depth: int) -> Query:
    item = w.item(depth)
    text, cols = w.listed(w.scalars(item, 1, 4))
    return Query(f"SELECT {text} FROM {item.text}{w.where(item)}", cols)


def unnest(w: Writer, depth: int) -> Query:
    item = w.item(depth, "INTEGER[]")
    lists = item.of("INTEGER[]")
    if not lists:
        return projection(w, depth)
    alias = w.name("u")
    both = Item(
        f"{item.text}, unnest({w.choose.one_of(lists).name}) AS {alias}(x)",
        (*item.cols, Col(f"{alias}.x", "INTEGER")),
    )
    text, cols = w.listed([both.cols[-1], *w.scalars(item, 0, 2)])
    return Query(f"SELECT {text} FROM {both.text}{w.where(both)}", cols)


def grouping(w: Writer, depth: int, item: Item | None = None, keys: list[Col] | None = None) -> Query:
    item = item or w.item(depth)
    keys = [*(keys or ()), *[key for key in w.scalars(item, 0 if keys else 1, 2) if key.type != ROUGH]]
    values = [w.aggregate(item) for _ in range(w.choose.between(1, 3))]
    text, cols = w.listed([*keys, *values])
    by = f" GROUP BY {', '.join(key.name for key in keys)}" if keys else ""
    having = ""
    if w.choose.chance(20):
        having = " HAVING " + w.choose.one_of(
            ["count(*) > 1", *(f"{value.name} IS NOT NULL" for value in values), "count(*) < 4"]
        )
    return Query(f"SELECT {text} FROM {item.text}{w.where(item)}{by}{having}", cols)


def whole(w: Writer, depth: int) -> Query:
    """Aggregates over all rows."""
    item = w.item(depth)
    text, cols = w.listed([w.aggregate(item) for _ in range(w.choose.between(1, 3))])
    having = " HAVING count(*) > 2" if w.choose.chance(15) else ""
    return Query(f"SELECT {text} FROM {item.text}{w.where(item)}{having}", cols)


def distinct(w: Writer, depth: int) -> Query:
    item = w.item(depth)
    text, cols = w.listed([col for col in w.scalars(item, 1, 3) if col.type != ROUGH] or [Col("1", "INTEGER")])
    return Query(f"SELECT DISTINCT {text} FROM {item.text}{w.where(item)}", cols)


def distinct_on(w: Writer, depth: int) -> Query:
    item = w.item(depth)
    if not item.plain:
        return projection(w, depth)
    key = w.choose.one_of(item.plain)
    text, cols = w.listed([key, *w.choose.some(item.plain, 0, 3)])
    return Query(
        f"SELECT DISTINCT ON ({key.name}) {text} FROM {item.text}{w.where(item)} ORDER BY {key.name}, {w.every(item)}",
        cols,
    )


def top(w: Writer, depth: int) -> Query:
    item = w.item(depth)
    text, cols = w.listed(w.choose.some(item.plain, 1, 4) or [Col("1", "INTEGER")])
    offset = " OFFSET 1" if w.choose.chance(25) else ""
    return Query(
        f"SELECT {text} FROM {item.text}{w.where(item)} "
        f"ORDER BY {w.every(item)} LIMIT {w.choose.between(1, 4)}{offset}",
        cols,
    )


def analytic(w: Writer, depth: int, item: Item | None = None, within: list[Col] | None = None) -> Query:
    item = item or w.item(depth)
    plain = item.plain
    if not plain:
        return projection(w, depth)
    keys = [*(within or ()), *w.choose.some(plain, 0 if within else 1, 1)]
    by = f"PARTITION BY {', '.join(key.name for key in keys)}"
    order = f"{by} ORDER BY {w.every(item)}"
    x = w.choose.one_of(plain)
    functions = [
        (f"row_number() OVER ({order})", "BIGINT"),
        (f"count(*) OVER ({by})", "BIGINT"),
        (f"rank() OVER ({order})", "BIGINT"),
        (f"dense_rank() OVER ({by} ORDER BY {x.name})", "BIGINT"),
        (f"lag({x.name}) OVER ({order})", x.type),
        (f"lead({x.name}, 2) OVER ({order})", x.type),
        (f"first_value({x.name}) OVER ({order})", x.type),
        (f"max({x.name}) OVER ({by})", x.type),
        (f"count({x.name}) OVER ({order} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", "BIGINT"),
    ]
    numbers = item.of("number")
    if numbers:
        n = w.choose.one_of(numbers).name
        functions.append((f"sum({n}) OVER ({by} ORDER BY {x.name})", "DOUBLE"))
        functions.append((f"avg({n}) OVER ({by})", ROUGH))
    name, kind = w.choose.one_of(functions)
    text, cols = w.listed([*keys, *w.scalars(item, 0, 2), Col(name, kind)])
    qualify = f" QUALIFY row_number() OVER ({order}) <= {w.choose.between(1, 2)}" if w.choose.chance(35) else ""
    return Query(f"SELECT {text} FROM {item.text}{w.where(item)}{qualify}", cols)


def pair(w: Writer, depth: int) -> tuple[Item, Item, str] | None:
    """Two items and an equality between them."""
    left, right = w.item(depth), w.item(depth)
    both = [(one, other) for one in left.plain for other in right.plain if one.family == other.family]
    if not both:
        return None
    one, other = w.choose.one_of(both)
    on = f"{one.name} = {other.name}"
    if w.choose.chance(15):
        one, other = w.choose.one_of(both)
        on += f" AND {one.name} = {other.name}"
    if w.choose.chance(5):
        on = on.replace(" = ", " IS NOT DISTINCT FROM ", 1)
    return left, right, on


def join(w: Writer, depth: int) -> Query:
    found = pair(w, depth)
    if found is None:
        return projection(w, depth)
    left, right, on = found
    kind = w.choose.one_of(["JOIN", "LEFT JOIN", "FULL JOIN", "RIGHT JOIN"])
    if w.choose.chance(20):
        on += f" AND {w.condition(w.choose.one_of([left, right]))}"
    both = Item(f"{left.text} {kind} {right.text} ON {on}", (*left.cols, *right.cols))
    if w.choose.chance(25):
        return grouping(w, depth, both)
    text, cols = w.listed([w.scalar(left), w.scalar(right), *w.scalars(both, 0, 2)])
    return Query(f"SELECT {text} FROM {both.text}{w.where(both, 20)}", cols)


def cross(w: Writer, depth: int) -> Query:
    left, right = w.item(1), w.item(depth)
    numbers = (left.of("number"), right.of("number"))
    on = "CROSS JOIN " + right.text
    if all(numbers) and w.choose.chance(60):
        one, other = (w.choose.one_of(each).name for each in numbers)
        kind = w.choose.one_of(["JOIN", "LEFT JOIN"])
        on = f"{kind} {right.text} ON {one} {w.choose.one_of(['<', '>='])} {other}"
    both = Item(f"{left.text} {on}", (*left.cols, *right.cols))
    return grouping(w, depth, both)


def semi(w: Writer, depth: int) -> Query:
    found = pair(w, depth)
    if found is None:
        return projection(w, depth)
    left, right, on = found
    text, cols = w.listed(w.scalars(left, 1, 3))
    if w.choose.chance(20):
        on += f" AND {w.condition(right)}"
    return Query(
        f"SELECT {text} FROM {left.text} {w.choose.one_of(['SEMI', 'ANTI'])} JOIN {right.text} ON {on}"
        f"{w.where(left, 20)}",
        cols,
    )


def subquery(w: Writer, depth: int) -> Query:
    found = pair(w, depth)
    if found is None:
        return projection(w, depth)
    left, right, on = found
    one, other = on.split(" AND ")[0].replace(" IS NOT DISTINCT FROM ", " = ").split(" = ")
    inner = w.where(right, 30)
    correlated = inner + (" AND " if inner else " WHERE ") + f"({on})" if " OR " not in inner else f" WHERE {on}"
    value = w.aggregate(right)
    listed, cols = w.listed(w.scalars(left, 1, 3))
    start = f"SELECT {listed} FROM {left.text} WHERE "
    form = w.choose.below(7)
    match form:
        case 0:
            return Query(f"{start}{one} IN (SELECT {other} FROM {right.text}{inner})", cols)
        case 1:
            return Query(f"{start}EXISTS (SELECT 1 FROM {right.text}{correlated})", cols)
        case 2:
            return Query(f"{start}NOT EXISTS (SELECT 1 FROM {right.text}{correlated})", cols)
        case 3:
            return Query(f"{start}{one} NOT IN (SELECT {other} FROM {right.text}{inner})", cols)
        case 4:
            n = aggregate_number(w, right)
            return Query(f"{start}(SELECT {n} FROM {right.text}{correlated}) > {w.choose.between(0, 2)}", cols)
        case 5:
            column = w.name("c")
            text = f"SELECT {listed}, (SELECT {value.name} FROM {right.text}{correlated}) AS {column} FROM {left.text}"
            return Query(text, (*cols, Col(column, value.type)))
        case _:
            column = w.name("c")
            text = f"SELECT {listed}, (SELECT {value.name} FROM {right.text}{inner}) AS {column} FROM {left.text}"
            return Query(text, (*cols, Col(column, value.type)))


def aggregate_number(w: Writer, item: Item) -> str:
    numbers = item.of("number")
    return w.choose.one_of(["count(*)", *(f"max({col.name})" for col in numbers)])


def set_operation(w: Writer, depth: int) -> Query:
    left, right = w.item(depth), w.item(depth)
    pairs = [(one, other) for one in left.plain for other in right.plain if one.type == other.type]
    if not pairs:
        return projection(w, depth)
    chosen = w.choose.some(pairs, 1, 3)
    first, cols = w.listed([one for one, _ in chosen])
    second, _ = w.listed([other for _, other in chosen])
    word = w.choose.one_of(["UNION ALL", "UNION", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL"])
    return Query(
        f"SELECT {first} FROM {left.text}{w.where(left, 20)} {word} "
        f"SELECT {second} FROM {right.text}{w.where(right, 20)}",
        cols,
    )


def twice(w: Writer, depth: int) -> Query:
    """A CTE read twice."""
    inner = w.query(max(depth - 1, 1))
    name = w.name("q")
    w.ctes.append(f"{name} AS ({inner.text})")
    one, other = w.named(Rows(name, inner.cols)), w.named(Rows(name, inner.cols))
    at = [at for at, col in enumerate(inner.cols) if col.type != ROUGH]
    if not at:
        text, cols = w.listed(one.cols)
        return Query(f"SELECT {text} FROM {one.text}", cols)
    key = w.choose.one_of(at)
    if w.choose.chance(40):
        text, cols = w.listed([one.cols[key]])
        second, _ = w.listed([other.cols[key]])
        return Query(f"SELECT {text} FROM {one.text} UNION ALL SELECT {second} FROM {other.text}{w.where(other)}", cols)
    text, cols = w.listed([*w.choose.some(one.cols, 1, 2), *w.choose.some(other.cols, 1, 2)])
    kind = w.choose.one_of(["JOIN", "LEFT JOIN"])
    return Query(
        f"SELECT {text} FROM {one.text} {kind} {other.text} ON {one.cols[key].name} = {other.cols[key].name}", cols
    )
