"""Tables, trees and JSON on stdout.

The only module, with the progress bar, that knows rich; it is imported by
actions, never by the grammar.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headwater.cli.encode import to_cell, to_json
from headwater.cli.report import printable

if TYPE_CHECKING:
    from headwater.cli.settings import Settings

__all__ = ["console", "show_json", "show_table", "show_text"]

_unbounded: Final = 100_000
"""Columns of a pipe or file: what reads it must not meet cut or folded cells."""


def console(settings: Settings, stream: TextIO | None = None) -> Console:
    """A console on a stream (default stdout) that never reads its texts as markup."""
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

    Args:
        right: headings whose cells are aligned to the right.
        widest: cells are cut behind so many characters.
        records: a row becomes a block of lines, one for each cell, when the table is wider than the terminal.
    """
    screen = console(settings)
    cells = [[to_cell(value, widest=widest) for value in row] for row in rows]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for heading in headings:
        aligned_right = heading in right
        table.add_column(
            Text(printable(heading)),
            justify="right" if aligned_right else "left",
            overflow="ellipsis" if aligned_right else "fold",
            no_wrap=aligned_right or not screen.is_terminal,
        )
    for row in cells:
        table.add_row(*map(Text, row))
    if records and screen.is_terminal and _natural_width(headings, cells) > screen.width:
        _show_records(screen, headings, cells)
    elif screen.is_terminal:
        screen.print(table)
    else:
        with screen.capture() as captured:
            screen.print(table)
        sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _natural_width(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How wide a table is when nothing is folded, with three blanks between its columns."""
    columns = zip(headings, *rows, strict=True)
    return sum(max(map(cell_len, column)) + 3 for column in columns) - 3


def _show_records(screen: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
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
