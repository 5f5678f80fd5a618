"""``headwater lineage``: a tree of relations or columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from headwater import api
from headwater.cli.report import printable
from headwater.cli.screen import console, show_json

if TYPE_CHECKING:
    from headwater.api import LineageNode
    from headwater.cli.settings import Settings

__all__ = ["lineage"]


def lineage(settings: Settings, relation: str, *, down: bool) -> None:
    """Show what is above a relation or column, or below it."""
    project = api.load(settings.directory, settings.environment)
    root = api.lineage(project, relation, down=down)
    if settings.output == "json":
        show_json(root)
        return
    tree = Tree(_label(root))
    _grow(tree, root)
    console(settings).print(tree)


def _grow(tree: Tree, node: LineageNode) -> None:
    for child in node.children:
        _grow(tree.add(_label(child)), child)


def _label(node: LineageNode) -> Text:
    text = Text(printable(node.label))
    if node.kind == "source":
        text.append(" (source)", style="dim")
    if node.how:
        text.append(f" [{node.how}]", style="dim")
    if node.repeated:
        text.append(" (see above)", style="dim")
    return text
