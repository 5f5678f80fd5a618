"""Generated queries with time: windows, sessions, interval and as-of joins."""

from __future__ import annotations

from tests.law import operators
from tests.law.expressions import Col, Item, Query, Writer


def windowed(w: Writer, depth: int, call: str | None = None) -> Item | None:
    """An item whose rows stand in windows; its last two columns are start and end."""
    item = w.item(depth, "TIMESTAMP")
    times = item.of("TIMESTAMP")
    if not times:
        return None
    text, alias = item.text.rsplit(" AS ", 1)
    time = w.choose.one_of(times).name.split(".")[1]
    call = call or sizes(w)
    name, rest = call.split("(")
    inner = f"{text} AS {alias}" if text.startswith("(") else text
    added = (Col(f"{alias}.window_start", "TIMESTAMP"), Col(f"{alias}.window_end", "TIMESTAMP"))
    cols = [col for col in item.cols if not col.name.endswith((".window_start", ".window_end"))]
    return Item(f"{name}({inner}, {time}, {rest}) AS {alias}", (*cols, *added))


def sizes(w: Writer) -> str:
    return w.choose.one_of(
        [
            "tumble(INTERVAL 1 HOUR",
            "hop(INTERVAL 30 MINUTE, INTERVAL 1 HOUR",
            "cumulate(INTERVAL 20 MINUTE, INTERVAL 1 HOUR",
            "tumble(INTERVAL 1 HOUR, INTERVAL 15 MINUTE",
            "hop(INTERVAL 25 MINUTE, INTERVAL 1 HOUR",
            "tumble(INTERVAL 7 MINUTE",
            "hop(INTERVAL 10 MINUTE, INTERVAL 2 HOUR",
            "tumble(INTERVAL 1 DAY",
        ]
    )


def window(w: Writer, depth: int) -> Query:
    item = windowed(w, depth)
    if item is None:
        return operators.grouping(w, depth)
    start, end = item.cols[-2:]
    keys = w.choose.one_of([[start, end], [start], [end]])
    if w.choose.chance(15):
        text, cols = w.listed([*keys, *w.scalars(item, 0, 2)])
        return Query(f"SELECT {text} FROM {item.text}{w.where(item)}", cols)
    return operators.grouping(w, depth, item, keys)


def window_top(w: Writer, depth: int) -> Query:
    item = windowed(w, depth)
    if item is None:
        return operators.analytic(w, depth)
    return operators.analytic(w, depth, item, list(item.cols[-2:]))


def window_join(w: Writer, depth: int) -> Query:
    call = sizes(w)
    left, right = windowed(w, depth, call), windowed(w, depth, call)
    if left is None or right is None:
        return operators.join(w, depth)
    pairs = list(zip(left.cols[-2:], right.cols[-2:], strict=True))
    both = [(one, other) for one in left.plain[:-2] for other in right.plain[:-2] if one.family == other.family]
    if both and w.choose.chance(80):
        pairs.append(w.choose.one_of(both))
    on = " AND ".join(f"{one.name} = {other.name}" for one, other in pairs)
    kind = w.choose.one_of(["JOIN", "LEFT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN"])
    alone = kind in ("SEMI JOIN", "ANTI JOIN")
    joined = Item(f"{left.text} {kind} {right.text} ON {on}", left.cols if alone else (*left.cols, *right.cols))
    text, cols = w.listed([left.cols[-2], *w.scalars(left, 1, 2), *([] if alone else w.scalars(right, 1, 1))])
    return Query(f"SELECT {text} FROM {joined.text}{w.where(joined, 15)}", cols)


def session(w: Writer, depth: int) -> Query:
    item = w.item(depth, "TIMESTAMP")
    times = item.of("TIMESTAMP")
    if not times:
        return operators.grouping(w, depth)
    text, alias = item.text.rsplit(" AS ", 1)
    time = w.choose.one_of(times)
    keys = [col for col in w.choose.some(item.plain, 0, 1) if col != time]
    by = f" PARTITION BY {keys[0].name.split('.')[1]}" if keys else ""
    inner = f"{text} AS {alias}" if text.startswith("(") else text
    gap = w.choose.one_of([30, 5, 60])
    cols = [col for col in item.cols if not col.name.endswith((".window_start", ".window_end"))]
    added = (Col(f"{alias}.window_start", "TIMESTAMP"), Col(f"{alias}.window_end", "TIMESTAMP"))
    within = Item(f"session({inner}{by}, {time.name.split('.')[1]}, INTERVAL {gap} MINUTE) AS {alias}", (*cols, *added))
    if w.choose.chance(10):
        listed, made = w.listed([*added, *w.scalars(item, 0, 2)])
        return Query(f"SELECT {listed} FROM {within.text}", made)
    return operators.grouping(w, depth, within, [*keys, *added])


def interval_join(w: Writer, depth: int) -> Query:
    left, right = w.item(depth, "TIMESTAMP"), w.item(depth, "TIMESTAMP")
    times = (left.of("TIMESTAMP"), right.of("TIMESTAMP"))
    both = [(one, other) for one in left.plain for other in right.plain if one.family == other.family != "TIMESTAMP"]
    if not all(times) or not both:
        return operators.join(w, depth)
    one, other = w.choose.one_of(both)
    mine, theirs = (w.choose.one_of(each).name for each in times)
    low, high = w.choose.one_of([(60, 0), (0, 30), (30, 30), (60, -10), (-10, 60)])
    bound = w.choose.one_of(
        [
            f"{mine} BETWEEN {theirs} - INTERVAL ({low}) MINUTE AND {theirs} + INTERVAL ({high}) MINUTE",
            f"{mine} >= {theirs} - INTERVAL ({low}) MINUTE AND {mine} <= {theirs} + INTERVAL ({high}) MINUTE",
            f"{theirs} <= {mine} + INTERVAL ({low}) MINUTE AND {theirs} > {mine} - INTERVAL ({high}) MINUTE",
        ]
    )
    kind = w.choose.one_of(["JOIN", "LEFT JOIN", "FULL JOIN", "RIGHT JOIN"])
    text, cols = w.listed([one, w.scalar(left), w.scalar(right)])
    item = Item("", (*left.cols, *right.cols))
    return Query(
        f"SELECT {text} FROM {left.text} {kind} {right.text} ON {one.name} = {other.name} AND {bound}"
        f"{w.where(item, 15)}",
        cols,
    )


def as_of(w: Writer, depth: int) -> Query:
    """The right side has no two rows of one key and time."""
    rates = [table for table in w.tables if table.unique]
    left = w.item(depth, "TIMESTAMP")
    times = left.of("TIMESTAMP")
    if not rates or not times:
        return operators.join(w, depth)
    rows = w.choose.one_of(rates)
    right = w.named(rows)
    columns = dict(zip((col.name for col in rows.cols), right.cols, strict=True))
    *keys, time = (columns[name] for name in rows.unique)
    pairs = [[col for col in left.plain if col.family == key.family] for key in keys]
    if not all(pairs):
        return operators.join(w, depth)
    on = " AND ".join(f"{w.choose.one_of(mine).name} = {key.name}" for mine, key in zip(pairs, keys, strict=True))
    operator = w.choose.one_of([">=", ">", "<=", "<"]) if w.choose.chance(30) else ">="
    kind = w.choose.one_of(["ASOF JOIN", "ASOF LEFT JOIN"])
    text, cols = w.listed([*w.scalars(left, 1, 2), *w.choose.some(right.cols, 1, 3)])
    return Query(
        f"SELECT {text} FROM {left.text} {kind} {right.text} "
        f"ON {on} AND {w.choose.one_of(times).name} {operator} {time.name}{w.where(left, 15)}",
        cols,
    )
