"""``headwater query``: rows of published relations as a table or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from headwater import api
from headwater.cli.encode import counted, to_json_rows
from headwater.cli.screen import show_table, show_text

if TYPE_CHECKING:
    from headwater.api import QueryResult, QueryStream
    from headwater.cli.settings import Settings

__all__ = ["query", "show_rows"]

_text_limit: Final = 40
_widest_cell: Final = 120


def query(settings: Settings, sql: str, limit: int | None) -> None:
    """Run a query; ``limit`` None is 40 rows as text and all as JSON, 0 is all."""
    project = api.load(settings.directory, settings.environment)
    if limit is None and settings.output == "text":
        limit = _text_limit
    with api.open_query(project, sys.stdin.read() if sql == "-" else sql) as stream:
        if limit:
            show_rows(settings, stream.take(limit))
        else:
            _show_all(settings, stream)


def show_rows(settings: Settings, result: QueryResult) -> None:
    """A query's result in the form that was asked for."""
    count = counted(len(result.rows), "row")
    if result.cut:
        total = "more than a million rows" if result.total is None else counted(result.total, "row")
        count = f"{len(result.rows):,} of {total}; --limit 0 shows all"
    _show(settings, result, iter(result.rows))
    if settings.output == "text":
        show_text(settings, f"\n{count}")


def _show_all(settings: Settings, stream: QueryStream) -> None:
    """A result of any size, shown while it is computed."""
    shown = 0

    def rows() -> Iterator[tuple[Any, ...]]:
        nonlocal shown
        for row in stream.rows():
            shown += 1
            yield row

    _show(settings, stream, rows())
    if settings.output == "text":
        show_text(settings, f"\n{counted(shown, 'row')}")


def _show(settings: Settings, described: QueryResult | QueryStream, rows: Iterator[tuple[Any, ...]]) -> None:
    if settings.output == "json":
        for line in to_json_rows(described.columns, rows):
            sys.stdout.write(f"{line}\n")
        return
    numbers = [name for name, numeric in zip(described.columns, described.numeric, strict=True) if numeric]
    show_table(settings, described.columns, rows, right=numbers, widest=_widest_cell, records=True)
