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
    fold: Sequence[str] = (),
    widest: int | None = None,
) -> None:
    """A table with one line a row.

    Args:
        right: headings whose cells are aligned to the right.
        fold: headings whose cells take more lines where the terminal is narrow; others are cut there.
        widest: cells are cut behind so many characters, wherever they are shown.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(
            Text(printable(heading)),
            justify="right" if heading in right else "left",
            overflow="fold" if heading in fold else "ellipsis",
            no_wrap=heading not in fold,
        )
    for row in rows:
        table.add_row(*(Text(to_cell(value, widest=widest)) for value in row))
    screen = console(settings)
    if screen.is_terminal:
        screen.print(table)
        return
    with screen.capture() as captured:
        screen.print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def show_json(value: object) -> None:
    """One JSON document."""
    sys.stdout.write(json.dumps(to_json(value), indent=2, ensure_ascii=False))
    sys.stdout.write("\n")
