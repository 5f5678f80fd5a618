"""Generated queries over every kind, nested and chained, each with one answer whatever the order of its rows.

Where a query depends on the order of rows, it orders them by all columns: rows that tie are equal then, and
any of them will do. Numbers whose last bits depend on the order of additions are called rough: they are put
out and never compared, grouped or filtered by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.law.choices import Choices

INTEGERS = ("INTEGER", "BIGINT", "SMALLINT")
NUMBERS = (*INTEGERS, "DOUBLE", "FLOAT", "DECIMAL(9,2)", "HUGEINT")
ROUGH = "rough"
"""The type of numbers that may differ in their last bits."""


@dataclass(frozen=True)
class Col:
    name: str
    type: str

    @property
    def family(self) -> str:
        """Types of one family compare with each other."""
        return "number" if self.type in NUMBERS else self.type


@dataclass(frozen=True)
class Rows:
    """Something to read: what stands in FROM (without alias), and its columns."""

    text: str
    cols: tuple[Col, ...]
    unique: tuple[str, ...] = ()
    """Columns, time last, of which no two rows have the same values: only such rows may stand right in ASOF JOIN."""


@dataclass(frozen=True)
class Item:
    """A FROM item under its alias; columns are written with it."""

    text: str
    cols: tuple[Col, ...]

    def of(self, *families: str) -> list[Col]:
        return [col for col in self.cols if col.family in families]

    @property
    def plain(self) -> list[Col]:
        return [col for col in self.cols if col.type != ROUGH]


@dataclass(frozen=True)
class Query:
    text: str
    cols: tuple[Col, ...]


class Queries:
    """Writes queries over tables. One object for a model: names in it are used once."""

    def __init__(self, choices: Choices, tables: Sequence[Rows]) -> None:
        self.choose = choices
        self.tables = list(tables)
        self.ctes: list[str] = []
        self.number = 0

    def model(self, depth: int) -> Query:
        """A whole model, CTEs included."""
        body = self.query(depth)
        if self.ctes:
            return Query(f"WITH {', '.join(self.ctes)} {body.text}", body.cols)
        return body

    def query(self, depth: int) -> Query:
        kinds: dict[Callable[[int], Query], int] = {
            self.projection: 8,
            self.grouping: 14,
            self.whole: 4,
            self.distinct: 5,
            self.window: 16,
            self.session: 7,
            self.join: 14,
            self.semi: 6,
            self.subquery: 9,
            self.set_operation: 8,
            self.analytic: 8,
            self.top: 4,
            self.distinct_on: 4,
            self.unnest: 4,
            self.window_top: 4,
            self.window_join: 7,
            self.interval_join: 8,
            self.as_of: 6,
            self.twice: 5,
            self.cross: 3,
        }
        return self.choose.weighted(kinds)(depth)

    # what is read

    def item(self, depth: int, *families: str) -> Item:
        """A table, or a query one level down; with a column of each family if there is such a table."""
        if depth > 1 and self.choose.chance(60):
            inner = self.query(depth - 1)
            found = {col.family for col in inner.cols}
            if found.issuperset(families):
                if self.choose.chance(25):
                    name = self.name("q")
                    self.ctes.append(f"{name} AS ({inner.text})")
                    self.tables.append(Rows(name, inner.cols))
                    return self.named(Rows(name, inner.cols))
                return self.named(Rows(f"({inner.text})", inner.cols))
        fitting = [table for table in self.tables if {col.family for col in table.cols}.issuperset(families)]
        return self.named(self.choose.one_of(fitting or self.tables))

    def named(self, rows: Rows) -> Item:
        alias = self.name("t")
        return Item(f"{rows.text} AS {alias}", tuple(Col(f"{alias}.{col.name}", col.type) for col in rows.cols))

    def name(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}{self.number}"

    # expressions

    def scalar(self, item: Item) -> Col:
        """A value of one row."""
        plain = item.plain
        col = self.choose.one_of(plain or item.cols)
        if col.type == ROUGH or self.choose.chance(50):
            return col
        x = col.name
        match col.family:
            case "number" if col.type in INTEGERS:
                text = self.choose.one_of(
                    [f"{x} + 1", f"coalesce({x}, 0)", f"{x} % 2", f"CASE WHEN {x} > 1 THEN {x} END"]
                )
                return Col(text, "BIGINT")
            case "number":
                text = self.choose.one_of([f"{x} * 2", f"coalesce({x}, 0)", f"abs({x})", f"nullif({x}, 1)"])
                return Col(text, "DOUBLE" if col.type in ("DOUBLE", "FLOAT") else "HUGEINT")
            case "VARCHAR":
                text = self.choose.one_of(
                    [f"upper({x})", f"coalesce({x}, 'none')", f"{x} || '!'", f"substr({x}, 1, 1)"]
                )
                return Col(text, "VARCHAR")
            case "TIMESTAMP":
                text = self.choose.one_of([f"date_trunc('hour', {x})", f"{x} + INTERVAL 30 MINUTE"])
                return Col(text, "TIMESTAMP")
            case "BOOLEAN":
                return Col(f"NOT {x}", "BOOLEAN")
            case _:
                return col

    def condition(self, item: Item) -> str:
        """A condition on one row."""
        plain = item.plain
        if not plain:
            return "true"
        col = self.choose.one_of(plain)
        x = col.name
        match col.family:
            case "number":
                options = [f"{x} > 1", f"{x} <= 2", f"{x} IN (1, 2)", f"NOT ({x} = 1)"]
            case "VARCHAR":
                options = [f"{x} <> 'x'", f"{x} IN ('x', 'y')", f"{x} LIKE '%x%'"]
            case "TIMESTAMP":
                options = [f"{x} < TIMESTAMP '2024-01-01 02:00:00'", f"extract(hour FROM {x}) > 0"]
            case "BOOLEAN":
                options = [x, f"{x} IS NOT TRUE"]
            case _:
                options = []
        return self.choose.one_of([f"{x} IS NOT NULL", *options, f"{x} IS NULL"])

    def where(self, item: Item, percent: int = 35) -> str:
        if not self.choose.chance(percent):
            return ""
        if self.choose.chance(20):
            return f" WHERE {self.condition(item)} {self.choose.one_of(['AND', 'OR'])} {self.condition(item)}"
        return f" WHERE {self.condition(item)}"

    def aggregate(self, item: Item) -> Col:
        """An aggregate whose value does not depend on the order of rows."""
        plain = item.plain
        numbers = [col.name for col in item.of("number")]
        options: list[tuple[str, str]] = [("count(*)", "BIGINT")]
        if plain:
            col = self.choose.one_of(plain)
            x = col.name
            options += [
                (f"count({x})", "BIGINT"),
                (f"max({x})", col.type),
                (f"min({x})", col.type),
                (f"count(DISTINCT {x})", "BIGINT"),
                (f"count_if({x} IS NULL)", "BIGINT"),
                (f"bool_or({x} IS NULL)", "BOOLEAN"),
                (f"first({x} ORDER BY {self.every(item)})", col.type),
            ]
        if numbers:
            x = self.choose.one_of(numbers)
            kind = next(col.type for col in item.cols if col.name == x)
            total = "DOUBLE" if kind in ("DOUBLE", "FLOAT") else "HUGEINT"
            options += [
                (f"sum({x})", total),
                (f"sum({x})", total),
                (f"avg({x})", ROUGH),
                (f"avg({x})", ROUGH),
                (f"stddev_samp({x})", ROUGH),
                (f"median({x})", ROUGH),
                (f"quantile_disc({x}, 0.5)", kind),
                (f"sum(DISTINCT {x})", total),
                (f"list({x} ORDER BY {x})", "list"),
                (f"approx_count_distinct({x})", "BIGINT"),
            ]
        texts = item.of("VARCHAR")
        if texts:
            x = self.choose.one_of(texts).name
            options.append((f"string_agg({x}, ',' ORDER BY {x})", "VARCHAR"))
            options.append((f"arg_max({x}, {x})", "VARCHAR"))
        text, kind = self.choose.one_of(options)
        if self.choose.chance(15):
            text = f"{text} FILTER (WHERE {self.condition(item)})"
        return Col(text, kind)

    def every(self, item: Item) -> str:
        """An order by all columns: rows that tie are equal."""
        names = [col.name for col in item.plain]
        start = self.choose.below(len(names)) if names else 0
        turned = names[start:] + names[:start]
        last = self.choose.one_of(["", " DESC", " NULLS FIRST"])
        return ", ".join([turned[0] + last, *turned[1:]]) if turned else "1"

    def listed(self, cols: Sequence[Col]) -> tuple[str, tuple[Col, ...]]:
        """A SELECT list, and the columns it makes."""
        named = tuple(Col(self.name("c"), col.type) for col in cols)
        return ", ".join(f"{col.name} AS {new.name}" for col, new in zip(cols, named, strict=True)), named

    def scalars(self, item: Item, low: int, high: int) -> list[Col]:
        return [self.scalar(item) for _ in range(self.choose.between(low, high))]

    # operators

    def projection(self, depth: int) -> Query:
        item = self.item(depth)
        text, cols = self.listed(self.scalars(item, 1, 4))
        return Query(f"SELECT {text} FROM {item.text}{self.where(item)}", cols)

    def unnest(self, depth: int) -> Query:
        item = self.item(depth, "INTEGER[]")
        lists = item.of("INTEGER[]")
        if not lists:
            return self.projection(depth)
        alias = self.name("u")
        both = Item(
            f"{item.text}, unnest({self.choose.one_of(lists).name}) AS {alias}(x)",
            (*item.cols, Col(f"{alias}.x", "INTEGER")),
        )
        text, cols = self.listed([both.cols[-1], *self.scalars(item, 0, 2)])
        return Query(f"SELECT {text} FROM {both.text}{self.where(both)}", cols)

    def grouping(self, depth: int, item: Item | None = None, keys: list[Col] | None = None) -> Query:
        item = item or self.item(depth)
        keys = [*(keys or ()), *[key for key in self.scalars(item, 0 if keys else 1, 2) if key.type != ROUGH]]
        values = [self.aggregate(item) for _ in range(self.choose.between(1, 3))]
        text, cols = self.listed([*keys, *values])
        by = f" GROUP BY {', '.join(key.name for key in keys)}" if keys else ""
        having = ""
        if self.choose.chance(20):
            having = " HAVING " + self.choose.one_of(
                ["count(*) > 1", *(f"{value.name} IS NOT NULL" for value in values), "count(*) < 4"]
            )
        return Query(f"SELECT {text} FROM {item.text}{self.where(item)}{by}{having}", cols)

    def whole(self, depth: int) -> Query:
        """Aggregates over all rows."""
        item = self.item(depth)
        text, cols = self.listed([self.aggregate(item) for _ in range(self.choose.between(1, 3))])
        having = " HAVING count(*) > 2" if self.choose.chance(15) else ""
        return Query(f"SELECT {text} FROM {item.text}{self.where(item)}{having}", cols)

    def distinct(self, depth: int) -> Query:
        item = self.item(depth)
        text, cols = self.listed(
            [col for col in self.scalars(item, 1, 3) if col.type != ROUGH] or [Col("1", "INTEGER")]
        )
        return Query(f"SELECT DISTINCT {text} FROM {item.text}{self.where(item)}", cols)

    def distinct_on(self, depth: int) -> Query:
        item = self.item(depth)
        if not item.plain:
            return self.projection(depth)
        key = self.choose.one_of(item.plain)
        text, cols = self.listed([key, *self.choose.some(item.plain, 0, 3)])
        return Query(
            f"SELECT DISTINCT ON ({key.name}) {text} FROM {item.text}{self.where(item)} "
            f"ORDER BY {key.name}, {self.every(item)}",
            cols,
        )

    def top(self, depth: int) -> Query:
        item = self.item(depth)
        text, cols = self.listed(self.choose.some(item.plain, 1, 4) or [Col("1", "INTEGER")])
        offset = " OFFSET 1" if self.choose.chance(25) else ""
        return Query(
            f"SELECT {text} FROM {item.text}{self.where(item)} "
            f"ORDER BY {self.every(item)} LIMIT {self.choose.between(1, 4)}{offset}",
            cols,
        )

    def analytic(self, depth: int, item: Item | None = None, within: list[Col] | None = None) -> Query:
        item = item or self.item(depth)
        plain = item.plain
        if not plain:
            return self.projection(depth)
        keys = [*(within or ()), *self.choose.some(plain, 0 if within else 1, 1)]
        by = f"PARTITION BY {', '.join(key.name for key in keys)}"
        order = f"{by} ORDER BY {self.every(item)}"
        x = self.choose.one_of(plain)
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
            n = self.choose.one_of(numbers).name
            functions.append((f"sum({n}) OVER ({by} ORDER BY {x.name})", "DOUBLE"))
            functions.append((f"avg({n}) OVER ({by})", ROUGH))
        name, kind = self.choose.one_of(functions)
        text, cols = self.listed([*keys, *self.scalars(item, 0, 2), Col(name, kind)])
        qualify = (
            f" QUALIFY row_number() OVER ({order}) <= {self.choose.between(1, 2)}" if self.choose.chance(35) else ""
        )
        return Query(f"SELECT {text} FROM {item.text}{self.where(item)}{qualify}", cols)

    def pair(self, depth: int) -> tuple[Item, Item, str] | None:
        """Two items and an equality between them."""
        left, right = self.item(depth), self.item(depth)
        both = [(one, other) for one in left.plain for other in right.plain if one.family == other.family]
        if not both:
            return None
        one, other = self.choose.one_of(both)
        on = f"{one.name} = {other.name}"
        if self.choose.chance(15):
            one, other = self.choose.one_of(both)
            on += f" AND {one.name} = {other.name}"
        if self.choose.chance(5):
            on = on.replace(" = ", " IS NOT DISTINCT FROM ", 1)
        return left, right, on

    def join(self, depth: int) -> Query:
        found = self.pair(depth)
        if found is None:
            return self.projection(depth)
        left, right, on = found
        kind = self.choose.one_of(["JOIN", "LEFT JOIN", "FULL JOIN", "RIGHT JOIN"])
        if self.choose.chance(20):
            on += f" AND {self.condition(self.choose.one_of([left, right]))}"
        both = Item(f"{left.text} {kind} {right.text} ON {on}", (*left.cols, *right.cols))
        if self.choose.chance(25):
            return self.grouping(depth, both)
        text, cols = self.listed([self.scalar(left), self.scalar(right), *self.scalars(both, 0, 2)])
        return Query(f"SELECT {text} FROM {both.text}{self.where(both, 20)}", cols)

    def cross(self, depth: int) -> Query:
        left, right = self.item(1), self.item(depth)
        numbers = (left.of("number"), right.of("number"))
        on = "CROSS JOIN " + right.text
        if all(numbers) and self.choose.chance(60):
            one, other = (self.choose.one_of(each).name for each in numbers)
            kind = self.choose.one_of(["JOIN", "LEFT JOIN"])
            on = f"{kind} {right.text} ON {one} {self.choose.one_of(['<', '>='])} {other}"
        both = Item(f"{left.text} {on}", (*left.cols, *right.cols))
        return self.grouping(depth, both)

    def semi(self, depth: int) -> Query:
        found = self.pair(depth)
        if found is None:
            return self.projection(depth)
        left, right, on = found
        text, cols = self.listed(self.scalars(left, 1, 3))
        if self.choose.chance(20):
            on += f" AND {self.condition(right)}"
        return Query(
            f"SELECT {text} FROM {left.text} {self.choose.one_of(['SEMI', 'ANTI'])} JOIN {right.text} ON {on}"
            f"{self.where(left, 20)}",
            cols,
        )

    def subquery(self, depth: int) -> Query:
        found = self.pair(depth)
        if found is None:
            return self.projection(depth)
        left, right, on = found
        one, other = on.split(" AND ")[0].replace(" IS NOT DISTINCT FROM ", " = ").split(" = ")
        inner = self.where(right, 30)
        correlated = inner + (" AND " if inner else " WHERE ") + f"({on})" if " OR " not in inner else f" WHERE {on}"
        value = self.aggregate(right)
        listed, cols = self.listed(self.scalars(left, 1, 3))
        start = f"SELECT {listed} FROM {left.text} WHERE "
        form = self.choose.below(7)
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
                n = self.aggregate_number(right)
                return Query(f"{start}(SELECT {n} FROM {right.text}{correlated}) > {self.choose.between(0, 2)}", cols)
            case 5:
                column = self.name("c")
                text = (
                    f"SELECT {listed}, (SELECT {value.name} FROM {right.text}{correlated}) AS {column} FROM {left.text}"
                )
                return Query(text, (*cols, Col(column, value.type)))
            case _:
                column = self.name("c")
                text = f"SELECT {listed}, (SELECT {value.name} FROM {right.text}{inner}) AS {column} FROM {left.text}"
                return Query(text, (*cols, Col(column, value.type)))

    def aggregate_number(self, item: Item) -> str:
        numbers = item.of("number")
        return self.choose.one_of(["count(*)", *(f"max({col.name})" for col in numbers)])

    def set_operation(self, depth: int) -> Query:
        left, right = self.item(depth), self.item(depth)
        pairs = [(one, other) for one in left.plain for other in right.plain if one.type == other.type]
        if not pairs:
            return self.projection(depth)
        chosen = self.choose.some(pairs, 1, 3)
        first, cols = self.listed([one for one, _ in chosen])
        second, _ = self.listed([other for _, other in chosen])
        word = self.choose.one_of(["UNION ALL", "UNION", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL"])
        return Query(
            f"SELECT {first} FROM {left.text}{self.where(left, 20)} {word} "
            f"SELECT {second} FROM {right.text}{self.where(right, 20)}",
            cols,
        )

    def twice(self, depth: int) -> Query:
        """A CTE read twice."""
        inner = self.query(max(depth - 1, 1))
        name = self.name("q")
        self.ctes.append(f"{name} AS ({inner.text})")
        one, other = self.named(Rows(name, inner.cols)), self.named(Rows(name, inner.cols))
        at = [at for at, col in enumerate(inner.cols) if col.type != ROUGH]
        if not at:
            text, cols = self.listed(one.cols)
            return Query(f"SELECT {text} FROM {one.text}", cols)
        key = self.choose.one_of(at)
        if self.choose.chance(40):
            text, cols = self.listed([one.cols[key]])
            second, _ = self.listed([other.cols[key]])
            return Query(
                f"SELECT {text} FROM {one.text} UNION ALL SELECT {second} FROM {other.text}{self.where(other)}", cols
            )
        text, cols = self.listed([*self.choose.some(one.cols, 1, 2), *self.choose.some(other.cols, 1, 2)])
        kind = self.choose.one_of(["JOIN", "LEFT JOIN"])
        return Query(
            f"SELECT {text} FROM {one.text} {kind} {other.text} ON {one.cols[key].name} = {other.cols[key].name}", cols
        )

    # time

    def windowed(self, depth: int, call: str | None = None) -> Item | None:
        """An item whose rows stand in windows; its last two columns are start and end."""
        item = self.item(depth, "TIMESTAMP")
        times = item.of("TIMESTAMP")
        if not times:
            return None
        text, alias = item.text.rsplit(" AS ", 1)
        time = self.choose.one_of(times).name.split(".")[1]
        call = call or self.sizes()
        name, rest = call.split("(")
        inner = f"{text} AS {alias}" if text.startswith("(") else text
        added = (Col(f"{alias}.window_start", "TIMESTAMP"), Col(f"{alias}.window_end", "TIMESTAMP"))
        cols = [col for col in item.cols if not col.name.endswith((".window_start", ".window_end"))]
        return Item(f"{name}({inner}, {time}, {rest}) AS {alias}", (*cols, *added))

    def sizes(self) -> str:
        return self.choose.one_of(
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

    def window(self, depth: int) -> Query:
        item = self.windowed(depth)
        if item is None:
            return self.grouping(depth)
        start, end = item.cols[-2:]
        keys = self.choose.one_of([[start, end], [start], [end]])
        if self.choose.chance(15):
            text, cols = self.listed([*keys, *self.scalars(item, 0, 2)])
            return Query(f"SELECT {text} FROM {item.text}{self.where(item)}", cols)
        return self.grouping(depth, item, keys)

    def window_top(self, depth: int) -> Query:
        item = self.windowed(depth)
        if item is None:
            return self.analytic(depth)
        return self.analytic(depth, item, list(item.cols[-2:]))

    def window_join(self, depth: int) -> Query:
        call = self.sizes()
        left, right = self.windowed(depth, call), self.windowed(depth, call)
        if left is None or right is None:
            return self.join(depth)
        pairs = list(zip(left.cols[-2:], right.cols[-2:], strict=True))
        both = [(one, other) for one in left.plain[:-2] for other in right.plain[:-2] if one.family == other.family]
        if both and self.choose.chance(80):
            pairs.append(self.choose.one_of(both))
        on = " AND ".join(f"{one.name} = {other.name}" for one, other in pairs)
        kind = self.choose.one_of(["JOIN", "LEFT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN"])
        alone = kind in ("SEMI JOIN", "ANTI JOIN")
        joined = Item(f"{left.text} {kind} {right.text} ON {on}", left.cols if alone else (*left.cols, *right.cols))
        text, cols = self.listed(
            [left.cols[-2], *self.scalars(left, 1, 2), *([] if alone else self.scalars(right, 1, 1))]
        )
        return Query(f"SELECT {text} FROM {joined.text}{self.where(joined, 15)}", cols)

    def session(self, depth: int) -> Query:
        item = self.item(depth, "TIMESTAMP")
        times = item.of("TIMESTAMP")
        if not times:
            return self.grouping(depth)
        text, alias = item.text.rsplit(" AS ", 1)
        time = self.choose.one_of(times)
        keys = [col for col in self.choose.some(item.plain, 0, 1) if col != time]
        by = f" PARTITION BY {keys[0].name.split('.')[1]}" if keys else ""
        inner = f"{text} AS {alias}" if text.startswith("(") else text
        gap = self.choose.one_of([30, 5, 60])
        cols = [col for col in item.cols if not col.name.endswith((".window_start", ".window_end"))]
        added = (Col(f"{alias}.window_start", "TIMESTAMP"), Col(f"{alias}.window_end", "TIMESTAMP"))
        within = Item(
            f"session({inner}{by}, {time.name.split('.')[1]}, INTERVAL {gap} MINUTE) AS {alias}", (*cols, *added)
        )
        if self.choose.chance(10):
            listed, made = self.listed([*added, *self.scalars(item, 0, 2)])
            return Query(f"SELECT {listed} FROM {within.text}", made)
        return self.grouping(depth, within, [*keys, *added])

    def interval_join(self, depth: int) -> Query:
        left, right = self.item(depth, "TIMESTAMP"), self.item(depth, "TIMESTAMP")
        times = (left.of("TIMESTAMP"), right.of("TIMESTAMP"))
        both = [
            (one, other) for one in left.plain for other in right.plain if one.family == other.family != "TIMESTAMP"
        ]
        if not all(times) or not both:
            return self.join(depth)
        one, other = self.choose.one_of(both)
        mine, theirs = (self.choose.one_of(each).name for each in times)
        low, high = self.choose.one_of([(60, 0), (0, 30), (30, 30), (60, -10), (-10, 60)])
        bound = self.choose.one_of(
            [
                f"{mine} BETWEEN {theirs} - INTERVAL ({low}) MINUTE AND {theirs} + INTERVAL ({high}) MINUTE",
                f"{mine} >= {theirs} - INTERVAL ({low}) MINUTE AND {mine} <= {theirs} + INTERVAL ({high}) MINUTE",
                f"{theirs} <= {mine} + INTERVAL ({low}) MINUTE AND {theirs} > {mine} - INTERVAL ({high}) MINUTE",
            ]
        )
        kind = self.choose.one_of(["JOIN", "LEFT JOIN", "FULL JOIN", "RIGHT JOIN"])
        text, cols = self.listed([one, self.scalar(left), self.scalar(right)])
        item = Item("", (*left.cols, *right.cols))
        return Query(
            f"SELECT {text} FROM {left.text} {kind} {right.text} ON {one.name} = {other.name} AND {bound}"
            f"{self.where(item, 15)}",
            cols,
        )

    def as_of(self, depth: int) -> Query:
        """The right side has no two rows of one key and time."""
        rates = [table for table in self.tables if table.unique]
        left = self.item(depth, "TIMESTAMP")
        times = left.of("TIMESTAMP")
        if not rates or not times:
            return self.join(depth)
        rows = self.choose.one_of(rates)
        right = self.named(rows)
        columns = dict(zip((col.name for col in rows.cols), right.cols, strict=True))
        *keys, time = (columns[name] for name in rows.unique)
        pairs = [[col for col in left.plain if col.family == key.family] for key in keys]
        if not all(pairs):
            return self.join(depth)
        on = " AND ".join(
            f"{self.choose.one_of(mine).name} = {key.name}" for mine, key in zip(pairs, keys, strict=True)
        )
        operator = self.choose.one_of([">=", ">", "<=", "<"]) if self.choose.chance(30) else ">="
        kind = self.choose.one_of(["ASOF JOIN", "ASOF LEFT JOIN"])
        text, cols = self.listed([*self.scalars(left, 1, 2), *self.choose.some(right.cols, 1, 3)])
        return Query(
            f"SELECT {text} FROM {left.text} {kind} {right.text} "
            f"ON {on} AND {self.choose.one_of(times).name} {operator} {time.name}{self.where(left, 15)}",
            cols,
        )
