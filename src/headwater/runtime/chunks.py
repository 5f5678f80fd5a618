"""What is new in the sources, looked at one chunk ahead.

Apart from intake because a run must know, before it lands a chunk, whether
another one follows: the last epoch does more than the others.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from headwater.plan.steps import SourceStep
from headwater.runtime.source_rows import is_direct
from headwater.spi.codec import FileScan
from headwater.spi.source import Chunk, Position, SourceReader, joined
from headwater.types import RelationName

__all__ = ["ChunkStream", "open_streams"]


class ChunkStream:
    """The chunks behind a position, of which the next two are known."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._ahead: deque[Chunk] = deque()
        self._fill()

    @property
    def ahead(self) -> int:
        """How many chunks are known to follow: 0, 1, or 2 for two and more."""
        return len(self._ahead)

    @property
    def upcoming(self) -> Chunk:
        """The chunk that is taken next; there must be one."""
        return self._ahead[0]

    def take(self) -> Chunk:
        """The next chunk; there must be one."""
        taken = self._ahead.popleft()
        self._fill()
        return taken

    def take_all(self) -> Chunk:
        """All chunks that follow as one, when the engine can scan them where they lie; else the next one."""
        taken = self.take()
        while self._ahead and (merged := _merged(taken, self._ahead[0])) is not None:
            taken = merged
            self.take()
        return taken

    def _fill(self) -> None:
        while len(self._ahead) < 2 and (chunk := next(self._chunks, None)) is not None:
            self._ahead.append(chunk)


def open_streams(
    steps: Sequence[SourceStep],
    readers: Mapping[RelationName, SourceReader],
    positions: Mapping[RelationName, Position],
    *,
    max_bytes: int,
) -> dict[RelationName, ChunkStream]:
    """The streams of all sources that have something new."""
    streams = {
        step.relation: ChunkStream(
            iter(readers[step.relation].chunks(positions.get(step.relation), max_bytes=max_bytes))
        )
        for step in steps
    }
    return {name: stream for name, stream in streams.items() if stream.ahead}


def _merged(first: Chunk, second: Chunk) -> Chunk | None:
    """Two chunks of files as one, None when their rows have to be decoded piece by piece."""
    before, after = first.rows, second.rows
    if not (isinstance(before, FileScan) and isinstance(after, FileScan) and is_direct(before) and is_direct(after)):
        return None
    rows = dataclasses.replace(after, files=(*before.files, *after.files))
    parts = [part for part in (first.gained, second.gained) if part is not None]
    gained = joined(parts) if len(parts) == 2 else None
    return Chunk(rows, second.position, first.size_bytes + second.size_bytes, gained)
