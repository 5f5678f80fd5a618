"""Completing relation names in a shell, cheaply.

Apart from the rest because it runs at every press of the tab key: it looks at
file names only and loads neither YAML nor SQL. Names that a header changes are
completed by their file's name, as the best guess that costs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

__all__ = ["relation_names"]

_folders: Final = 2000
_files: Final = 20000


def relation_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The relations whose name begins so: one for every ``.sql`` and ``.odcs.yaml`` file of the workspace."""
    root = _root(Path(_directory(context)))
    if root is None:
        return []
    found = sorted({name for name in _names(root) if name.startswith(incomplete)})
    return [CompletionItem(name) for name in found]


def _directory(context: click.Context) -> str:
    while True:
        if context.params.get("directory"):
            return str(context.params["directory"])
        if context.parent is None:
            return "."
        context = context.parent


def _root(start: Path) -> Path | None:
    here = start.resolve()
    return next((folder for folder in (here, *here.parents) if (folder / "headwater.yaml").is_file()), None)


def _names(root: Path) -> Iterator[str]:
    seen = 0
    for count, (folder, folders, files) in enumerate(os.walk(root)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        seen += len(files)
        if count >= _folders or seen >= _files:
            return
        product = Path(folder).relative_to(root).parts
        for name in files:
            stem, _, ending = name.partition(".")
            if product and ending in {"sql", "odcs.yaml"}:
                yield f"{product[0]}.{stem}"
