"""Finding files: patterns expanded inside the workspace, in a fixed order.

Apart because it is the security boundary of this connector: nothing outside the
workspace is ever listed or handed on, whatever a declaration or a link says.
"""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import PurePosixPath

from headwater.errors import DataError, DeclarationError, Location
from headwater.values import frozen

__all__ = ["FoundFile", "digest_of", "find", "is_pattern", "matches", "resolve"]

_edge_bytes = 64 * 1024


@frozen
class FoundFile:
    """A file as it is now. ``name`` is relative to the workspace, ``path`` absolute; ``mtime`` in nanoseconds."""

    name: str
    path: str
    size: int
    mtime: int


def is_pattern(pattern: str) -> bool:
    """Whether a path stands for any number of files."""
    return glob.has_magic(pattern)


def matches(patterns: Sequence[str], name: str) -> bool:
    """Whether :func:`find` finds a file of this name when it is there.

    >>> matches(["data/**/*.csv"], "data/a.csv"), matches(["data/*.csv"], "data/b/a.csv")
    (True, False)
    """
    parts = PurePosixPath(name).parts
    return any(_fits(PurePosixPath(pattern).parts, parts) for pattern in patterns)


def _fits(pattern: Sequence[str], name: Sequence[str]) -> bool:
    if not pattern or not name:
        return not pattern and not name
    hidden = name[0].startswith(".")
    if pattern[0] == "**":
        whole = len(pattern) == len(name) == 1
        return _fits(pattern[1:], name) or (not hidden and (whole or _fits(pattern, name[1:])))
    if not is_pattern(pattern[0]):
        return pattern[0] == name[0] and _fits(pattern[1:], name[1:])
    if hidden and not pattern[0].startswith("."):
        return False
    return fnmatch.fnmatchcase(name[0], pattern[0]) and _fits(pattern[1:], name[1:])


def check(pattern: str, where: Location | None) -> None:
    """Raise DeclarationError when a pattern leads, or may lead, out of the workspace."""
    path = PurePosixPath(pattern)
    if not pattern or path.is_absolute() or pattern.startswith("~") or ".." in path.parts or "\\" in pattern:
        raise DeclarationError(
            f"the path '{pattern}' cannot be used",
            detail="paths are relative to the workspace, written with '/', and may not contain '..'",
            hint="move or link the data into the workspace's folder, and name it from there",
            where=where,
        )


def find(root: str, patterns: Sequence[str], where: Location | None) -> list[FoundFile]:
    """All files that match any pattern, ordered by name, each once; folders and hidden files do not match.

    Raises:
        DeclarationError: a pattern leads out of the workspace.
        DataError: a match does, by a symbolic link, or it is not a regular file.
    """
    found: dict[str, FoundFile] = {}
    boundary = _Boundary(root)
    for pattern in patterns:
        check(pattern, where)
        for name in glob.iglob(pattern, root_dir=root, recursive=True):  # noqa: PTH207 - names, not paths
            file = boundary.admit(name)
            if file is not None:
                found[file.name] = file
    return [found[name] for name in sorted(found)]


def resolve(root: str, name: str) -> FoundFile | None:
    """The file of a name as it is now; None when it is gone. Raises DataError like :func:`find`."""
    return _Boundary(root).admit(name)


def digest_of(file: FoundFile) -> str:
    """A digest of the first and last 64 KB: all of a small file, the telling parts of a large one."""
    digest = hashlib.sha256()
    with open(file.path, "rb") as stream:  # noqa: PTH123 - called once for each of thousands of files
        digest.update(stream.read(_edge_bytes))
        if file.size > _edge_bytes:
            stream.seek(max(_edge_bytes, file.size - _edge_bytes))
            digest.update(stream.read(_edge_bytes))
    return digest.hexdigest()[:32]


class _Boundary:
    """The workspace's real folder; folders are resolved once, not once for each of their files."""

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root)
        self._folders: dict[str, str] = {}

    def admit(self, name: str) -> FoundFile | None:
        folder, base = os.path.split(name)
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = os.path.realpath(os.path.join(self._root, folder))  # noqa: PTH118
        path = f"{real}/{base}"
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                path = os.path.realpath(path)
                status = os.stat(path)  # noqa: PTH116 - plain strings are three times as fast here
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(status.st_mode):
            return None
        if not path.startswith(f"{self._root}/"):
            raise DataError(
                f"{name} leads out of the workspace by a symbolic link",
                hint="copy the file into the workspace, or let the source's path leave it out",
            )
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{name} is not a regular file", hint="let the source's path leave it out")
        return FoundFile(PurePosixPath(name).as_posix(), path, status.st_size, status.st_mtime_ns)
