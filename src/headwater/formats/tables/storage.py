"""Files and folders as a commit protocol needs them: durable, atomic, exclusive.

Every table format stands on the same few operations of a local file system, and
each of them has an order (write, fsync, rename, fsync the folder) that must not
be repeated by hand in three places.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headwater.errors import TransientError, UsageError
from headwater.spi.table import TableLocation

__all__ = [
    "SyncedFolders",
    "create_exclusively",
    "create_folders",
    "fresh_name",
    "inside",
    "make_folder",
    "remove_file",
    "remove_tree",
    "rename",
    "replace_link",
    "storage_failures",
    "sync_file",
    "sync_folder",
    "sync_folders",
    "table_folder",
    "write_atomically",
]


def table_folder(location: TableLocation) -> Path:
    """The folder of a table: ``<lake>/<product>/<relation>``.

    Raises:
        UsageError: a part of the relation's name cannot be a folder's name.
    """
    parts = (location.relation.product, location.relation.name)
    for part in parts:
        if part in {".", ".."} or any(mark in part for mark in ("/", "\\", "\0")):
            raise UsageError(f"'{location.relation}' cannot be published", detail=f"'{part}' is not a folder's name")
    return Path(location.lake, *parts)


def inside(folder: Path, relative: str) -> Path:
    """A path that a log or an outbox names, which must lie inside the table's folder."""
    if Path(relative).is_absolute() or ".." in Path(relative).parts or "\0" in relative:
        raise UsageError(f"'{relative}' is not a path inside {folder}")
    return folder / relative


@contextmanager
def storage_failures(folder: Path) -> Iterator[None]:
    """What the operating system refuses becomes a TransientError that names the table."""
    try:
        yield
    except OSError as error:
        raise TransientError(
            f"the storage of {folder.parent.name}.{folder.name} failed",
            detail=f"{error.strerror or type(error).__name__}: {error.filename or folder}",
            hint="check free space and permissions, then run again",
        ) from error


def fresh_name() -> str:
    """A name that no other writer chooses."""
    return uuid.uuid4().hex


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the entries of a folder durable (on Linux a folder is synced like a file)."""
    sync_file(path)


def make_folder(path: Path) -> None:
    """Create a folder and its parents, durably."""
    sync_folders(create_folders(path))


def create_folders(path: Path) -> list[Path]:
    """Create a folder and its parents; returns the folders that :func:`sync_folders` has to make durable."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with suppress(FileExistsError):
            folder.mkdir()
    return [folder.parent for folder in missing]


def sync_folders(folders: Iterable[Path]) -> None:
    """Make the entries of folders durable, of all at once where that is one write of the file system's journal."""
    for folder in folders:
        sync_folder(folder)


class SyncedFolders:
    """Makes files durable with the folders above them up to ``top``; used by one thread.

    Folders whose names were made durable are remembered as long as they are the same: asking a disk again for what it
    has takes as long as the first time.
    """

    def __init__(self, top: Path) -> None:
        self._top = top
        self._known: dict[Path, int] = {}

    def make_durable(self, folder: Path, names: Iterable[str]) -> None:
        """Make files of a folder durable that another has written."""
        make_folder(folder)
        for name in names:
            file = inside(folder, name)
            sync_file(file)
            if file.parent != folder:
                sync_folder(file.parent)
        sync_folder(folder)
        above: dict[Path, int] = {}
        for path in (folder, *folder.parents):
            number = path.stat().st_ino
            if path == self._top or self._known.get(path) == number:
                break
            sync_folder(path.parent)
            above[path] = number
        above.pop(folder, None)
        self._known.update(above)


def write_atomically(path: Path, data: bytes) -> None:
    """Readers see the old bytes or the new ones."""
    draft = _draft(path, data)
    draft.replace(path)
    sync_folder(path.parent)


def create_exclusively(path: Path, data: bytes) -> None:
    """Create a file whole; raises FileExistsError when another writer was first."""
    draft = _draft(path, data)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()
    sync_folder(path.parent)


def _draft(path: Path, data: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{fresh_name()}.tmp")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return draft


def rename(source: Path, target: Path) -> None:
    """Move a file or folder inside one file system, durably."""
    source.rename(target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def replace_link(link: Path, target: str) -> None:
    """Point a symbolic link elsewhere in one step."""
    draft = link.with_name(f".{link.name}.{fresh_name()}.tmp")
    draft.symlink_to(target)
    draft.replace(link)
    sync_folder(link.parent)


def remove_file(path: Path) -> int:
    """Delete a file; returns the bytes freed, 0 when it was gone."""
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    return size


def remove_tree(path: Path) -> int:
    """Delete a folder and what is in it; returns the bytes freed, 0 when it was gone."""
    if not path.exists():
        return 0
    size = sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
    shutil.rmtree(path)
    return size
