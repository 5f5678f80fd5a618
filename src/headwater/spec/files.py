"""Finding and reading the files of a workspace: the only place in spec that touches the disk.

Apart from the parsers so that they stay pure. Nothing outside the workspace's
folder is ever opened: paths are relative, links may not lead out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from headwater.errors import DeclarationError, Location
from headwater.spec.text import FileText
from headwater.values import frozen

__all__ = ["SOURCES", "WORKSPACE_FILE", "WorkspaceFiles", "confined"]

WORKSPACE_FILE: Final = "headwater.yaml"
MAX_BYTES: Final = 5 * 1024 * 1024
SUFFIXES: Final = (".sql", ".odcs.yaml", ".odcs.yml", ".odps.yaml", ".odps.yml")
SOURCES: Final = ("sources.yaml", "sources.yml")
SKIPPED: Final = frozenset({"node_modules", "__pycache__", "site-packages", "tests"})


@frozen
class WorkspaceFiles:
    """The declarations below a workspace's folder."""

    root: Path

    def find(self) -> list[str]:
        """The relative paths of all declarations, sorted.

        Hidden folders, ``tests``, nested workspaces and linked folders are not entered.
        """
        return sorted(self._walk(str(self.root), ""))

    def _walk(self, folder: str, prefix: str) -> Iterator[str]:
        with os.scandir(folder) as entries:
            found = list(entries)
        if prefix and any(entry.name == WORKSPACE_FILE for entry in found):
            return
        for entry in found:
            name = entry.name
            if name.endswith(SUFFIXES) or name in SOURCES:
                yield prefix + name
            elif name[0] != "." and name not in SKIPPED and entry.is_dir(follow_symlinks=False):
                yield from self._walk(entry.path, f"{prefix}{name}/")

    def read(self, path: str) -> FileText:
        """Read one declaration, a path as :meth:`find` gives it.

        Raises:
            DeclarationError: it leads out of the workspace, is too big, not UTF-8, or cannot be read.
        """
        where = Location(path)
        full = f"{self.root}/{path}"
        try:
            if stat.S_ISLNK(os.lstat(full).st_mode):
                self._check_link(Path(full), where)
            with FileIO(full) as opened:
                content = opened.read(MAX_BYTES + 1)
        except OSError as error:
            raise self._unreadable(error, where) from error
        if len(content) > MAX_BYTES:
            raise DeclarationError(
                "the file is too big for a declaration",
                detail=f"at most {MAX_BYTES // 1024**2} MB are read",
                hint="keep data in files of its own and name them as a source",
                where=where,
            )
        return FileText(path, _decode(content, path))

    def _check_link(self, full: Path, where: Location) -> None:
        full.stat()  # a link to nothing, or to itself, fails here
        if not full.resolve().is_relative_to(self.root.resolve()):
            raise DeclarationError(
                "the file is a link that leads out of the workspace",
                hint="copy the file into the workspace",
                where=where,
            )

    @staticmethod
    def _unreadable(error: OSError, where: Location) -> DeclarationError:
        match error:
            case FileNotFoundError():
                reason = "the file does not exist, or is a link to nothing"
            case IsADirectoryError():
                reason = "it is a folder, not a file"
            case PermissionError():
                reason = "you have no permission to read it"
            case _:
                reason = (error.strerror or type(error).__name__).lower()
        return DeclarationError("the file cannot be read", detail=reason, where=where)


def _decode(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The bytes before the bad one are sound: they give the line and column.
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise DeclarationError(
            "the file is not UTF-8 text",
            detail=f"the byte 0x{content[error.start]:02X} stands at position {error.start}",
            hint="save the file as UTF-8",
            where=Location(path, line, column),
        ) from error


def confined(path: str) -> str | None:
    """Why a declared path may not be used; None when it stays inside the workspace.

    >>> confined("data/flights.csv") is None
    True
    >>> confined("../secrets.csv")
    'it leads out of the workspace'
    """
    if PurePosixPath(path).is_absolute() or PureWindowsPath(path).anchor or path.startswith("~"):
        return "it is absolute"
    depth = 0
    for part in path.replace("\\", "/").split("/"):
        if part == "..":
            depth -= 1
        elif part not in ("", "."):
            depth += 1
        if depth < 0:
            return "it leads out of the workspace"
    return None
