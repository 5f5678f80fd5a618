"""Staged files of formats whose log names files by their paths: written aside, linked into place to be committed.

``<table>/_staging/<name>`` exists from the first staged byte until the commit is
known to have happened, so what a crash leaves behind is found by listing one
folder, not by reading the table's whole log.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from headwater.formats.tables.storage import fresh_name, make_folder, remove_tree, sync_folder

__all__ = ["StagingArea"]


class StagingArea:
    """The staging folder of one table; published folders lie in ``table / published_in``."""

    def __init__(self, table: Path, published_in: str = "") -> None:
        self._table = table
        self._published = table / published_in
        self._staging = table / "_staging"

    def new(self) -> str:
        """Make a staging folder; returns its name."""
        name = fresh_name()
        make_folder(self.staged(name))
        return name

    def staged(self, name: str) -> Path:
        return self._staging / name

    def published(self, name: str) -> Path:
        return self._published / name

    def publish(self, name: str) -> Path:
        """Link the staged files to where the log will name them; doing it twice is doing it once."""
        target = self.published(name)
        files = sorted(self.staged(name).rglob("*.parquet"))
        for file in files:
            link = target / file.relative_to(self.staged(name))
            make_folder(link.parent)
            with suppress(FileExistsError):
                os.link(file, link)
        for folder in {(target / file.relative_to(self.staged(name))).parent for file in files}:
            sync_folder(folder)
        return target

    def discard(self, name: str) -> None:
        """Forget the staging folder; what was published of it stays."""
        remove_tree(self.staged(name))

    def files(self, name: str) -> tuple[list[Path], list[Path]]:
        """The files of a folder: those staged, and those published of it."""
        return list(self.staged(name).rglob("*.parquet")), list(self.published(name).rglob("*.parquet"))

    def names(self) -> list[str]:
        """The staging folders there are."""
        return sorted(entry.name for entry in self._staging.iterdir()) if self._staging.exists() else []
