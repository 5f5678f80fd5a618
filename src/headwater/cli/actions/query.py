"""``headwater query``: rows of published relations as a table or as JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from headwater import api
from headwater.cli.encode import counted, to_json_rows
from headwater.cli.screen import show_table, show_text

if TYPE_CHECKING:
    from headwater.api import QueryResult
    from headwater.cli.settings import Settings

__all__ = ["query", "show_rows"]

_text_limit: Final = 40
_widest_cell: Final = 120


def query(settings: Settings, sql: str, limit: int | None) -> None:
    """Run a query; ``limit`` None is 40 rows as text and all as JSON, 0 is all."""
    project = api.load(settings.directory, settings.environment)
    if limit is None and settings.output == "text":
        limit = _text_limit
    text = sys.stdin.read() if sql == "-" else sql
    show_rows(settings, api.query(project, text, limit=limit or None))


def show_rows(settings: Settings, result: QueryResult) -> None:
    """A query's result in the form that was asked for."""
    if settings.output == "json":
        for line in to_json_rows(result.columns, result.rows):
            sys.stdout.write(f"{line}\n")
        return
    numbers = [name for name, numeric in zip(result.columns, result.numeric, strict=True) if numeric]
    show_table(settings, result.columns, result.rows, right=numbers, widest=_widest_cell, records=True)
    more = "; there are more (--limit 0 shows all)" if result.cut else ""
    show_text(settings, f"\n{counted(len(result.rows), 'row')}{more}")
