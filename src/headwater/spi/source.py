"""What a source connector implements.

A source is its recovery rule: it must be able to continue after any position
it ever returned, and yield the same rows again for the same positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeAlias

from headwater.capabilities import SourceCapability
from headwater.spec.declarations import Source
from headwater.spi.codec import FileScan, Rows
from headwater.types import Json, Schema
from headwater.values import frozen

__all__ = ["Chunk", "Position", "SourceContext", "SourcePlugin", "SourceReader", "joined"]

Position: TypeAlias = Mapping[str, Json]
"""How far a source was read; JSON, durable, meaningful to its connector only."""


@frozen
class SourceContext:
    """What a connector may use: the workspace (paths stay inside it) and a folder for spooled files."""

    root: str
    spool: str


@frozen
class Chunk:
    """A bounded amount of rows, and the position behind them.

    A position that grows with what was read would be stored wholly after every chunk. A connector
    may say what the chunk adds to it: ``position`` then is :func:`joined` of the one before and ``gained``.
    """

    rows: Rows
    position: Position
    size_bytes: int
    gained: Position | None = None


def joined(parts: Iterable[Position]) -> Position | None:
    """A position of its parts, oldest first: lists go behind each other, of all else the last stands.

    >>> joined([{"files": ["a"], "n": 1}, {"files": ["b"], "n": 2}])
    {'files': ['a', 'b'], 'n': 2}
    """
    whole: dict[str, Json] | None = None
    for part in parts:
        if whole is None:
            whole = {key: [*value] if isinstance(value, list) else value for key, value in part.items()}
            continue
        for key, value in part.items():
            known = whole.get(key)
            if isinstance(known, list) and isinstance(value, list):
                known.extend(value)
            else:
                whole[key] = [*value] if isinstance(value, list) else value
    return whole


class SourceReader(Protocol):
    """One opened source. Delivery: every row between two positions, exactly once, in a fixed order."""

    capabilities: frozenset[SourceCapability]

    def sample(self) -> FileScan | Schema:
        """The schema, or files from which the engine can infer it.

        Raises:
            DataError: there is nothing to infer from (no file matches).
        """
        ...

    def chunks(self, after: Position | None, *, max_bytes: int) -> Iterator[Chunk]:
        """What is new after a position (None: from the beginning), in chunks of about ``max_bytes``.

        Raises:
            DataError: what was read before has changed; the hint says what to do.
        """
        ...

    def replay(self, until: Position) -> Rows | None:
        """Everything from the beginning up to a position again; None when that is nothing.

        Only for sources with the REPLAY capability. The position may be one that was reached under
        other options: what the present ones no longer mean is left out, all else has to be there.

        Raises:
            DataError: something of it has changed or is gone; the hint says what to do.
        """
        ...

    def acknowledge(self, position: Position) -> None:
        """Called once the position is durable: the outside system may forget what lies before it.

        Given what a chunk gained, where the connector says that; all of it again after a crash.
        """
        ...


class SourcePlugin(Protocol):
    """A connector for one kind of source, such as ``files``."""

    kind: str

    def options_schema(self) -> Mapping[str, Json]:
        """JSON Schema of the source's options; feeds validation, docs and editors."""
        ...

    def open(self, source: Source, context: SourceContext) -> SourceReader:
        """Open a declared source. Raises DeclarationError (with ``source.where``) when its options are wrong."""
        ...
