"""What was worked out before and holds as long as its inputs do, kept as JSON in the workspace.

Apart from who uses it because a cache must never decide anything: a file that
is missing, damaged, or of another version is an empty one, and a folder that
cannot be written to leaves everything correct and slower.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from headwater import __version__

__all__ = ["FileCache"]

folder: Final = Path(".headwater") / "cache"
_most_unused: Final = 4


class FileCache:
    """Texts by key, kept in one file; it is read when made and written by :meth:`save`.

    Entries that were not asked for are kept through a few saves, so that two
    environments, or a change and its undoing, do not forget each other's.
    ``unknown`` is called when it is asked for what it does not have.
    """

    def __init__(self, root: Path, name: str, unknown: Callable[[], None] = lambda: None) -> None:
        self._unknown = unknown
        self._path = root / folder / f"{name}.json"
        self._entries: dict[str, str] = {}
        self._ages: dict[str, int] = {}
        self._used: set[str] = set()
        self.added: dict[str, str] = {}
        """What was put, and not yet saved."""
        self._read()

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def get(self, key: str) -> str | None:
        """The entry, or None."""
        self._used.add(key)
        if key not in self._entries:
            self._unknown()
        return self._entries.get(key)

    def put(self, key: str, entry: str) -> None:
        """Keep an entry."""
        self._entries[key] = entry
        self._used.add(key)
        self.added[key] = entry

    def save(self) -> None:
        """Replace the file in one step when something is new: a reader sees the old content or the new."""
        if not self.added:
            return
        self.added = {}
        ages = {key: 0 if key in self._used else self._ages.get(key, 0) + 1 for key in self._entries}
        kept = {key: [ages[key], entry] for key, entry in self._entries.items() if ages[key] <= _most_unused}
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as opened:
                    json.dump({"version": __version__, "entries": kept}, opened, separators=(",", ":"))
                Path(temporary).replace(self._path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def _read(self) -> None:
        try:
            content = json.loads(self._path.read_bytes())
            entries = content["entries"] if content["version"] == __version__ else {}
            self._entries = {str(key): entry for key, (_, entry) in entries.items() if isinstance(entry, str)}
            self._ages = {str(key): int(age) for key, (age, _) in entries.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._entries, self._ages = {}, {}
