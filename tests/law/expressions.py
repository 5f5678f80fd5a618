"""What generated queries are written with: FROM items, and expressions over their columns.

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


class Writer:
    """Writes parts of one model over tables; names in it are used once.

    ``query`` writes a whole query, so many levels deep.
    """

    def __init__(self, choices: Choices, tables: Sequence[Rows], query: Callable[[Writer, int], Query]) -> None:
        self.choose = choices
        self._query = query
        self.tables = list(tables)
        self.ctes: list[str] = []
        self.number = 0

    def query(self, depth: int) -> Query:
        return self._query(self, depth)

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
