"""The log of a Parquet table: which folders are its versions, and what each holds.

It stands apart from reading and writing rows because it is the protocol, which
docs/reference/table-formats.md describes for readers that are not ours::

    <table>/current -> generations/3            a symbolic link, replaced in one step
    <table>/generations/3/v3/_version.json      what version 3 is
    <table>/generations/3/v3/<...>.parquet      its rows
    <table>/generations/3/v4/                   appended: moved here in one rename
    <table>/staging/<name>/                     not yet visible
    <table>/lock                                held during commit and maintenance

A version is a folder; the content as of version n is all folders ``v<i>``, i <= n,
of the newest generation that is not newer than n. A generation that was never
linked as ``current`` does not exist for any reader.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from headwater.errors import TerminalError
from headwater.formats.tables.datafiles import DataFile
from headwater.formats.tables.payload import (
    commit_from_json,
    commit_to_json,
    damaged,
    spec_from_json,
    spec_to_json,
)
from headwater.formats.tables.storage import inside, make_folder
from headwater.spi.table import CommitId, TableSpec, TableVersion
from headwater.types import Json
from headwater.values import frozen

__all__ = ["Log", "Version"]

MANIFEST: Final = "_version.json"
PROTOCOL: Final = 1


@frozen
class Version:
    """One version of the table. ``epochs`` is the newest epoch of every writer up to here."""

    number: int
    generation: int
    operation: str
    committed_at: datetime
    commit: CommitId | None
    spec: TableSpec
    files: tuple[DataFile, ...]
    epochs: Mapping[str, int]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def to_bytes(self) -> bytes:
        value: Json = {
            "protocol": PROTOCOL,
            "version": self.number,
            "generation": self.generation,
            "operation": self.operation,
            "committed_at": self.committed_at.isoformat(),
            "commit": commit_to_json(self.commit),
            "spec": spec_to_json(self.spec),
            "files": [file.to_json() for file in self.files],
            "epochs": dict(self.epochs),
        }
        return json.dumps(value, separators=(",", ":")).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Version:
        """Raises KeyError, TypeError or ValueError when the bytes are not a manifest this release reads."""
        value = json.loads(data)
        if value["protocol"] != PROTOCOL:
            raise ValueError(f"its protocol is {value['protocol']}, this release knows {PROTOCOL}")
        return Version(
            number=int(value["version"]),
            generation=int(value["generation"]),
            operation=str(value["operation"]),
            committed_at=datetime.fromisoformat(value["committed_at"]),
            commit=commit_from_json(value["commit"]),
            spec=spec_from_json(value["spec"]),
            files=tuple(DataFile.from_json(item) for item in value["files"]),
            epochs={str(writer): int(epoch) for writer, epoch in value["epochs"].items()},
        )

    def to_table_version(self, rows: int | None) -> TableVersion:
        return TableVersion(self.number, self.committed_at, self.operation, rows, self.commit)


class Log:
    """The versions of one table, read once and then only what is new."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._current: list[Version] = []

    @property
    def current(self) -> list[Version]:
        """The versions of the linked generation, oldest first; empty when there is no table."""
        generation = self._linked()
        if generation is None:
            self._current = []
        elif not self._current or self._current[0].generation != generation:
            self._current = self.generation(generation)
        else:
            self._extend(self._current)
        return self._current

    @property
    def newest(self) -> Version | None:
        versions = self.current
        return versions[-1] if versions else None

    def generation(self, number: int) -> list[Version]:
        """The versions of a generation that was linked once. Raises TerminalError when it is damaged."""
        versions = [self._read(number, number)]
        self._extend(versions)
        return versions

    def generations(self) -> list[int]:
        """The generations that readers may know, oldest first: unlinked newer ones are left out."""
        linked = self._linked()
        return [] if linked is None else [number for number in self._all_generations() if number <= linked]

    def unlinked(self) -> list[int]:
        """Generations that a crash left before they were linked."""
        linked = self._linked() or 0
        return [number for number in self._all_generations() if number > linked]

    def folder_of(self, version: Version) -> Path:
        return self.version_folder(version.generation, version.number)

    def version_folder(self, generation: int, number: int) -> Path:
        return self.generation_folder(generation) / f"v{number}"

    def generation_folder(self, generation: int) -> Path:
        return self.folder / "generations" / str(generation)

    @property
    def link(self) -> Path:
        return self.folder / "current"

    def path_of(self, version: Version, file: DataFile) -> Path:
        return inside(self.folder_of(version), file.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process at a time changes the table; the lock ends with the process that holds it."""
        make_folder(self.folder)
        if self.link.is_dir() and not self.link.is_symlink():
            raise self._copied("it is a folder, so a commit could not replace it in one step")
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _linked(self) -> int | None:
        try:
            target = self.link.readlink()
        except FileNotFoundError:
            if len(self._all_generations()) > 1:
                raise self._copied("it is missing, though the table has generations") from None
            return None
        except OSError as error:
            if not self.link.is_dir():
                raise damaged(str(self.link), ValueError("it is not a symbolic link")) from error
            return self._generation_in(self.link)
        if not target.name.isdecimal():
            raise damaged(str(self.link), ValueError(f"it points to {target}"))
        return int(target.name)

    def _generation_in(self, folder: Path) -> int:
        """The generation that a copy of its folder holds: what a copy that follows links makes of ``current``."""
        manifest = next(iter(sorted(folder.glob(f"v*/{MANIFEST}"))), None)
        if manifest is None:
            raise damaged(str(self.link), ValueError("it holds no version"))
        try:
            return Version.from_bytes(manifest.read_bytes()).generation
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(str(manifest), error) from error

    def _copied(self, detail: str) -> TerminalError:
        generations = self._all_generations()
        newest = f"generations/{generations[-1]}" if generations else "generations/<newest>"
        return TerminalError(
            f"{self.link} is not the symbolic link it was",
            detail=f"{detail}; the table was copied without keeping its links",
            hint=f"copy it with its links (cp -a, rsync -a, tar), or remove it and run: ln -s {newest} {self.link}",
        )

    def _all_generations(self) -> list[int]:
        folder = self.folder / "generations"
        if not folder.exists():
            return []
        return sorted(int(entry.name) for entry in os.scandir(folder) if entry.name.isdecimal())

    def _extend(self, versions: list[Version]) -> None:
        last = versions[-1]
        while self.version_folder(last.generation, last.number + 1).exists():
            last = self._read(last.generation, last.number + 1)
            versions.append(last)

    def _read(self, generation: int, number: int) -> Version:
        path = self.version_folder(generation, number) / MANIFEST
        try:
            version = Version.from_bytes(path.read_bytes())
        except FileNotFoundError as error:
            raise damaged(str(path), ValueError("it is missing")) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(str(path), error) from error
        if (version.generation, version.number) != (generation, number):
            raise damaged(str(path), ValueError(f"it says that it is version {version.number}"))
        return version
