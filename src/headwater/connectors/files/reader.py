"""Reading a files source: what is new, what was read, and what changed in between."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from headwater.capabilities import SourceCapability
from headwater.connectors.files.archive import spool_folder, unpack
from headwater.connectors.files.finding import FoundFile, find, is_pattern, matches, resolve
from headwater.connectors.files.naming import compression_of
from headwater.connectors.files.options import FilesOptions
from headwater.connectors.files.position import FilesPosition, ReadFile
from headwater.errors import DataError, DeclarationError, HeadwaterError
from headwater.spec.declarations import Source
from headwater.spi.codec import FileScan, ScanFile
from headwater.spi.source import Chunk, Position, SourceContext
from headwater.types import Json, Schema

__all__ = ["FilesReader"]

sample_files: Final = 10


class FilesReader:
    """A :class:`headwater.spi.source.SourceReader` over the files that match a source's patterns."""

    def __init__(self, source: Source, options: FilesOptions, context: SourceContext) -> None:
        self._source = source
        self._options = options
        self._context = context
        replayable = {SourceCapability.REPLAY}
        bounded = {SourceCapability.BOUNDED} if source.bounded else set()
        self.capabilities = frozenset(replayable | bounded)

    def sample(self) -> FileScan | Schema:
        if self._source.schema is not None:
            return self._source.schema
        files = self._find(FilesPosition({}))
        if not files:
            raise self._nothing()
        return self._scan(files[:sample_files])

    def chunks(self, after: Position | None, *, max_bytes: int) -> Iterator[Chunk]:
        position = FilesPosition.of(after)
        new = [file for file in self._find(position) if not self._was_read(position, file)]
        whole: list[Json] = [file.to_json() for file in position.files.values()]
        for group in _groups(new, max_bytes):
            gained: list[Json] = [ReadFile.of(file).to_json() for file in group]
            scan = self._scan(group)
            whole.extend(gained)
            size = sum(file.size for file in scan.files)
            yield Chunk(scan, {"files": whole.copy()}, size, gained={"files": gained})

    def replay(self, until: Position) -> FileScan | None:
        read = FilesPosition.of(until).files.values()
        files = [self._again(file) for file in read if matches(self._options.patterns, file.name)]
        if read and not files and not find(self._context.root, self._options.patterns, self._source.where):
            raise self._nothing_left(len(read))
        return self._scan(files) if files else None

    def acknowledge(self, position: Position) -> None:
        """Delete what was unpacked for the files read: it can be unpacked again."""
        for read in FilesPosition.of(position).files.values():
            if self._is_archive(read.name):
                found = FoundFile(read.name, "", read.size, read.mtime)
                shutil.rmtree(spool_folder(self._context.spool, found), ignore_errors=True)

    def _find(self, position: FilesPosition) -> list[FoundFile]:
        """The files there are. Raises DataError when one that is named without a pattern never was."""
        files = find(self._context.root, self._options.patterns, self._source.where)
        there = {file.name for file in files} | position.files.keys()
        for pattern in self._options.patterns:
            if not is_pattern(pattern) and pattern not in there:
                raise self._missing(pattern)
        return files

    def _was_read(self, position: FilesPosition, file: FoundFile) -> bool:
        read = position.files.get(file.name)
        if read is None:
            return False
        read.check(file)
        return True

    def _again(self, read: ReadFile) -> FoundFile:
        file = resolve(self._context.root, read.name)
        if file is None:
            raise DataError(
                f"{read.name} was read before and is gone",
                detail=f"{self._source.relation} has to be read again from the beginning",
                hint="put the file back as it was; to go on without its rows, delete the product's file in "
                ".headwater/<environment>/state, so that the next run computes all of it anew",
                where=self._source.where,
            )
        read.check(file)
        return file

    def _scan(self, files: Sequence[FoundFile]) -> FileScan:
        scanned: list[ScanFile] = []
        for file in files:
            if self._is_archive(file.name):
                scanned.extend(unpack(file, self._context.spool, self._options.format))
            else:
                scanned.append(ScanFile(file.path, file.name, file.size))
        return FileScan(self._options.format, tuple(scanned), self._source.schema, self._options.scan)

    def _is_archive(self, name: str) -> bool:
        return (self._options.compression or compression_of(name)) == "zip"

    def _missing(self, pattern: str) -> HeadwaterError:
        if Path(self._context.root, pattern).is_dir():
            return DeclarationError(
                f"{pattern} is a folder", hint=f"path: {pattern}/*", where=self._source.place_of("path")
            )
        return DataError(
            f"there is no file {pattern}",
            detail=f"the source {self._source.relation} reads it",
            hint="check 'path'; it is relative to the workspace",
            where=self._source.place_of("path"),
        )

    def _nothing_left(self, count: int) -> DataError:
        return DataError(
            f"no file matches {', '.join(self._options.patterns)}, and {count} files were read before",
            detail=f"{self._source.relation} would lose all its rows",
            hint="check 'path', which has changed since; it is relative to the workspace",
            where=self._source.place_of("path"),
        )

    def _nothing(self) -> DataError:
        return DataError(
            f"no file matches {', '.join(self._options.patterns)}",
            detail=f"the columns of {self._source.relation} cannot be inferred without one",
            hint="check 'path', or declare the source's columns",
            where=self._source.place_of("path"),
        )


def _groups(files: Sequence[FoundFile], max_bytes: int) -> Iterator[Sequence[FoundFile]]:
    """Whole files, in order, in groups of about ``max_bytes``; at least one in each."""
    group: list[FoundFile] = []
    size = 0
    for file in files:
        if group and size + file.size > max_bytes:
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield group
