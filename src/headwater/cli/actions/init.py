"""``headwater init``: a new workspace, and what to do with it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.encode import counted
from headwater.cli.screen import show_json, show_text

if TYPE_CHECKING:
    from headwater.cli.settings import Settings

__all__ = ["init"]


def init(settings: Settings, folder: str, template: str, origin: tuple[str, str] | None, name: str | None) -> None:
    """Write the files of a new workspace and list them."""
    root = Path(settings.directory) / folder
    if origin is None:
        created = api.init_from_template(root, template, name=name)
    else:
        begin = {"files": api.init_from_files, "odcs": api.init_from_odcs, "dbt": api.init_from_dbt}[origin[0]]
        created = begin(root, origin[1], name=name)
    if settings.output == "json":
        show_json(created)
        return
    show_text(settings, f"Made the workspace '{created.name}' in {created.root}:")
    for path in created.files:
        show_text(settings, f"  {path}")
    if created.left_out:
        show_text(settings, f"\nNot carried over ({counted(len(created.left_out), 'thing')}):")
    for line in created.left_out:
        show_text(settings, f"  {line}")
    call = "headwater" if root == Path() else f"headwater -C {shlex.quote(str(root))}"
    show_text(settings, "\nTry next:")
    for command in ("plan", "run", f'query "SELECT * FROM {created.relations[0]} LIMIT 10"'):
        show_text(settings, f"  {call} {command}")
