"""Tables, trees and JSON on stdout.

The only module, with the progress bar, that knows rich; it is imported by
actions, never by the grammar. Rich is asked where a terminal folds or colours
what is shown: a thousand rows for a pipe take it longer than the plan they show.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from headwater.cli.encode import to_cell, to_json
from headwater.cli.report import printable

if TYPE_CHECKING:
    from rich.console import Console

    from headwater.cli.settings import Settings

__all__ = ["console", "show_json", "show_table", "show_text"]

_unbounded: Final = 100_000
"""Columns of a pipe or file: what reads it must not meet cut or folded lines."""

_looked_at: Final = 1000
"""Rows of a table that decide its columns' widths."""

_gap: Final = "   "
"""Between the columns of a table."""


def console(settings: Settings, stream: TextIO | None = None) -> Console:
    """A console on a stream (default stdout) that never reads its texts as markup."""
    from rich.console import Console

    target = stream or sys.stdout
    return Console(
        file=target,
        color_system="auto" if settings.color and not os.environ.get("NO_COLOR") else None,
        width=None if target.isatty() else _unbounded,
        highlight=False,
        markup=False,
        emoji=False,
    )


def show_text(settings: Settings, text: str, *, style: str = "") -> None:
    """Lines for a person; they are not folded, and what could steer a terminal is shown as its code."""
    if not sys.stdout.isatty():
        sys.stdout.write(f"{printable(text)}\n")
        return
    from rich.text import Text

    console(settings).print(Text(printable(text), style=style), soft_wrap=True)


def show_table(
    settings: Settings,
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    widest: int | None = None,
    records: bool = False,
) -> None:
    """A table; where the terminal is narrow, texts take more lines and numbers stay whole.

    The first thousand rows decide how wide the columns are; the others are shown as they come, and
    widen the columns behind them where they need it.

    Args:
        right: headings whose cells are aligned to the right.
        widest: cells are cut behind so many characters.
        records: a row becomes a block of lines, one for each cell, when the table is wider than the terminal.
    """
    cells = ([to_cell(value, widest=widest) for value in row] for row in rows)
    first = list(itertools.islice(cells, _looked_at))
    lines = _table_lines(headings, first, cells, right)
    heading = next(lines)
    if not sys.stdout.isatty():
        sys.stdout.writelines(f"{line.rstrip()}\n" for line in itertools.chain([heading], lines))
        return
    screen = console(settings)
    if _cell_width(heading) <= screen.width:
        show_text(settings, heading, style="bold")
        sys.stdout.writelines(f"{line.rstrip()}\n" for line in lines)
    elif records:
        _show_records(screen, headings, itertools.chain(first, cells))
    else:
        _show_folded(screen, headings, [*first, *cells], right)


def _table_lines(
    headings: Sequence[str],
    first: Sequence[Sequence[str]],
    others: Iterator[Sequence[str]],
    right: Collection[str],
) -> Iterator[str]:
    """A table as wide as its cells: what reads a pipe must not meet cut or folded ones."""
    widths = _widths(headings, first)
    yield _line(map(printable, headings), headings, widths, right)
    yield "─" * (sum(widths) + len(_gap) * (len(widths) - 1))
    for row in first:
        yield _line(row, headings, widths, right)
    for row in others:
        widths = [max(width, _cell_width(cell)) for width, cell in zip(widths, row, strict=True)]
        yield _line(row, headings, widths, right)


def _line(row: Iterable[str], headings: Sequence[str], widths: Sequence[int], right: Collection[str]) -> str:
    parts = []
    for cell, heading, width in zip(row, headings, widths, strict=True):
        blanks = " " * (width - _cell_width(cell))
        parts.append(blanks + cell if heading in right else cell + blanks)
    return _gap.join(parts)


def _widths(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    columns = zip(map(printable, headings), *rows, strict=True)
    return [max(map(_cell_width, column)) for column in columns]


def _cell_width(text: str) -> int:
    """How many places a text takes: some characters take two, some none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _show_folded(
    screen: Console, headings: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for heading in headings:
        aligned_right = heading in right
        table.add_column(
            Text(printable(heading)),
            justify="right" if aligned_right else "left",
            overflow="ellipsis" if aligned_right else "fold",
            no_wrap=aligned_right,
        )
    for row in rows:
        table.add_row(*map(Text, row))
    screen.print(table)


def _show_records(screen: Console, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.text import Text

    names = [printable(heading) for heading in headings]
    width = max(map(len, names), default=0)
    for number, row in enumerate(rows, start=1):
        screen.print(Text(f"row {number}", style="bold"))
        for name, cell in zip(names, row, strict=True):
            screen.print(Text(f"  {name:<{width}}  {cell}"), soft_wrap=True)


def show_json(value: object) -> None:
    """One JSON document."""
    sys.stdout.write(json.dumps(to_json(value), indent=2, ensure_ascii=False))
    sys.stdout.write("\n")
