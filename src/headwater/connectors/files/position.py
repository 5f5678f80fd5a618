"""How far a files source was read: which files, and what they were when they were read.

Apart from the reader because the position outlives the process, and its form
must be readable by every later version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from headwater.connectors.files.finding import FoundFile, digest_of
from headwater.errors import DataError
from headwater.types import Json
from headwater.values import frozen

__all__ = ["FilesPosition", "ReadFile"]


@frozen
class ReadFile:
    """A file that was read: its size, modification time (nanoseconds) and digest then."""

    name: str
    size: int
    mtime: int
    digest: str

    @staticmethod
    def of(file: FoundFile) -> ReadFile:
        return ReadFile(file.name, file.size, file.mtime, digest_of(file))

    def to_json(self) -> Json:
        return [self.name, self.size, self.mtime, self.digest]

    def check(self, file: FoundFile) -> None:
        """Raise DataError when the file is no longer what was read; a new time alone is no change."""
        if self.size == file.size and (self.mtime == file.mtime or self.digest == digest_of(file)):
            return
        raise DataError(
            f"{self.name} has changed since it was read",
            detail=f"it had {self.size} bytes and has {file.size} now"
            if self.size != file.size
            else "it has as many bytes as before, but others",
            hint="a file is read once: put it back as it was, and write new or mended rows to a file with a new name",
        )


@frozen
class FilesPosition:
    """The files read so far, in the order in which they were read.

    As JSON: ``{"files": [[name, size, mtime, digest], ...]}``.
    """

    files: Mapping[str, ReadFile]

    @staticmethod
    def of(position: Mapping[str, Json] | None) -> FilesPosition:
        entries = cast("list[tuple[str, int, int, str]]", position["files"]) if position else []
        return FilesPosition({entry[0]: ReadFile(*entry) for entry in entries})
