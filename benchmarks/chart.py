"""Bars on a logarithmic scale, as SVG text: enough of a plot for figures that differ by orders of magnitude.

Written here because a plotting library would be a heavy guest for one picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

__all__ = ["Group", "draw"]

WIDTH: Final = 900
LABELS: Final = 190
BAR: Final = 14
GAP: Final = 12
COLOURS: Final = ("#0b7285", "#868e96", "#e8590c", "#f08c00", "#5f3dc4", "#2b8a3e", "#c2255c")


@dataclass(frozen=True, slots=True)
class Group:
    """Bars that belong together: a name and a figure each."""

    title: str
    bars: Sequence[tuple[str, float]]


def draw(title: str, groups: Sequence[Group]) -> str:
    """An SVG document.

    >>> draw("speed", [Group("q5", [("ours", 100.0)])]).count("<rect")
    2
    """
    values = [value for group in groups for _, value in group.bars if value > 0] or [1.0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 0.01)
    names = list(dict.fromkeys(name for group in groups for name, _ in group.bars))
    body = list(_groups(groups, names, low, high - low))
    height = 50 + sum(len(group.bars) * BAR + GAP for group in groups)
    grid = [
        _line(LABELS + (WIDTH - LABELS - 80) * (power - low) / (high - low), height, power)
        for power in range(low, high + 1)
    ]
    size = f'width="{WIDTH}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    background = f'<rect {size} fill="white"/>'
    heading = f'<text x="10" y="20" font-size="15">{escape(title)}</text>'
    return "\n".join([head, background, heading, *grid, *body, "</svg>", ""])


def _groups(groups: Sequence[Group], names: Sequence[str], low: int, decades: int) -> Iterator[str]:
    top = 40
    for group in groups:
        yield f'<text x="10" y="{top + 11}" font-weight="bold">{escape(group.title)}</text>'
        for name, value in group.bars:
            width = (WIDTH - LABELS - 80) * max(math.log10(value) - low, 0) / decades if value > 0 else 0
            colour = COLOURS[names.index(name) % len(COLOURS)]
            yield f'<text x="{LABELS - 6}" y="{top + 11}" text-anchor="end">{escape(name)}</text>'
            yield f'<rect x="{LABELS}" y="{top}" width="{width:.1f}" height="{BAR - 3}" fill="{colour}"/>'
            yield f'<text x="{LABELS + width + 5:.1f}" y="{top + 10}">{value:,.3g}</text>'
            top += BAR
        top += GAP


def _line(x: float, height: int, power: int) -> str:
    label = f'<text x="{x:.1f}" y="{height - 4}" text-anchor="middle" fill="#868e96">{10.0**power:g}</text>'
    return f'<line x1="{x:.1f}" y1="30" x2="{x:.1f}" y2="{height - 16}" stroke="#dee2e6"/>{label}'
