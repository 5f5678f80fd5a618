"""What an engine implements: bind, land and run programs inside one transaction an epoch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from headwater.spi.codec import FileScan, ParquetFile, ParquetTarget, Rows
from headwater.types import FieldPath, Json, Schema
from headwater.values import frozen

if TYPE_CHECKING:
    import pyarrow

__all__ = ["AheadDecoder", "BesideWriter", "Engine", "Landed", "ParquetWriter", "PreparingEngine", "Session"]


@frozen
class Landed:
    """What became of the rows handed to :meth:`Session.land`: ``rows`` decoded and ``malformed`` not.

    ``whole`` is False when fields that were not asked for are NULL whatever their records hold.
    """

    rows: int
    malformed: int
    whole: bool = field(default=True, compare=False)


class Session(Protocol):
    """One product's state in one environment, open for a single writer.

    Guarantees: everything between :meth:`begin` and :meth:`commit` is atomic
    and durable at return of ``commit``; relations made by :meth:`land`,
    :meth:`create`, :meth:`take` and :meth:`view` are work relations: they end with the epoch
    (commit or rollback) and cost no durability. Names are quoted identifiers
    as :func:`headwater.relations.relation` makes them.
    Not promised: isolation between two sessions on the same state; the second
    one to open it fails with a UsageError that says who holds it.
    """

    def begin(self) -> None: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def land(
        self,
        name: str,
        rows: Rows,
        *,
        schema: Schema,
        rejects: str | None = None,
        provenance: str | None = None,
        needed: Collection[FieldPath] | None = None,
        readers: int = 1,
    ) -> Landed:
        """Decode rows into the work relation ``name``: ``schema``'s columns plus the provenance columns.

        Args:
            rejects: work relation for records that cannot be decoded, with columns
                ``raw`` VARCHAR, ``code`` VARCHAR, ``message`` VARCHAR and the provenance
                columns; None makes such a record a DataError.
            provenance: the source name for rows that come without one (Arrow); files bring their own.
            needed: the fields that are asked for; None: all. The others may be NULL where that is cheaper, which
                :attr:`Landed.whole` tells. The same records are malformed whatever is asked for.
            readers: how many statements will read the relation, so that rows which many read are copied where that
                is cheaper than to read their files again and again.
        """
        ...

    def view(self, name: str, rows: Rows, *, schema: Schema | None = None) -> None:
        """Make rows readable under ``name`` without copying them (a scan when queried)."""
        ...

    def create(self, name: str, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Materialise a query as the work relation ``name``; returns its number of rows.

        Args:
            parameters: what ``$1``, ``$2`` and so on stand for.
        """
        ...

    def take(self, name: str, state: str, where: str, parameters: Sequence[Any] = ()) -> int:
        """Move the rows of a durable table that fulfil a condition into the work relation ``name``; returns how many.

        They come with all columns of the table, in its order, and are gone from it with the epoch's commit.

        Args:
            where: calls the table ``kept``.
            parameters: what ``$1``, ``$2`` and so on stand for.
        """
        ...

    def define(self, name: str, sql: str) -> None:
        """Name a query without running it (a view)."""
        ...

    def drop(self, name: str) -> None: ...

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement against durable state (CREATE TABLE, INSERT, DELETE ...)."""
        ...

    def keep(self, state: str, like: str) -> None:
        """Have a durable table with the columns of what ``like`` is in FROM; an existing one stays as it is."""
        ...

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A small result as Python rows."""
        ...

    def reader(self, sql: str, parameters: Sequence[Any] = ()) -> pyarrow.RecordBatchReader:
        """A result as a stream of record batches; consume it before the next call."""
        ...


@runtime_checkable
class ParquetWriter(Protocol):
    """What a :class:`Session` can do besides: write a result as Parquet files itself, not by way of Arrow.

    An offer, not a duty: a session without it is asked for :meth:`Session.reader`.
    """

    def write_parquet(
        self, sql: str, target: ParquetTarget, known: Schema | None = None
    ) -> tuple[ParquetFile, ...] | None:
        """Write a query's rows into new files of the target's folder, whole when this returns, not yet durable.

        A value is written exactly or it is an error: no cast rounds or truncates. No rows make no file.

        Args:
            known: the result's columns, where the caller has them from this engine's binder; spares asking again.

        Returns:
            The files. None, and nothing was computed, when this session cannot write the result so that the files
            have the target's columns: the caller streams it.

        Raises:
            DataError: a value does not fit its column. Files may be left that nothing refers to.
            TransientError: the storage failed.
        """
        ...


@runtime_checkable
class BesideWriter(ParquetWriter, Protocol):
    """What a :class:`ParquetWriter` can do besides: write a result while the session goes on.

    An offer, not a duty: the files are the same, only the time may be another one.
    """

    def write_parquet_beside(
        self, sql: str, target: ParquetTarget, known: Schema | None = None
    ) -> Callable[[], tuple[ParquetFile, ...]] | None:
        """Begin to write as :meth:`ParquetWriter.write_parquet` does.

        Work relations that the query reads may be dropped, and others may be made in their place, before the files
        are asked for.

        Returns:
            What waits for the files. None, as there: the caller streams the rows.

        Raises:
            DataError, TransientError: as there; it is raised here, or by what is returned.
        """
        ...


@runtime_checkable
class AheadDecoder(Protocol):
    """What a :class:`Session` can do besides: decode files while an epoch before theirs computes and commits.

    An offer, not a duty. Nothing is promised and nothing can be told by it but the time :meth:`Session.land` takes.
    """

    def land_ahead(self, rows: FileScan, *, schema: Schema, needed: Collection[FieldPath] | None = None) -> None:
        """Begin to decode rows that :meth:`Session.land` will be given, with the same arguments, in a later epoch."""
        ...


class Engine(Protocol):
    """An execution engine."""

    name: str

    def bind(self, sql: str, relations: Mapping[str, Schema]) -> Schema:
        """The :class:`headwater.sql.analysis.Binder` of this engine."""
        ...

    def describe(self, scan: FileScan) -> Schema:
        """Infer the schema of files. Raises DataError when they cannot be read as their format."""
        ...

    def open(self, state: str, settings: Mapping[str, Json]) -> AbstractContextManager[Session]:
        """Open (and create) a product's state at a path.

        Args:
            settings: the environment's ``settings``. An engine that reads files itself also takes
                ``allowed_directories``: the folders it may read, and no others; absent: no such limit.

        Raises:
            UsageError: another process holds it.
            TerminalError: the state file is damaged or written by a newer version.
        """
        ...

    def query(self, settings: Mapping[str, Json]) -> AbstractContextManager[Session]:
        """A session in memory, for reading published tables."""
        ...


@runtime_checkable
class PreparingEngine(Engine, Protocol):
    """What an :class:`Engine` can do besides: be at hand sooner. An offer, not a duty."""

    def prepare(self, settings: Mapping[str, Json]) -> None:
        """Do ahead what takes long of the next :meth:`Engine.open` with these settings, and changes nothing outside.

        Raises:
            UsageError: the settings are wrong.
        """
        ...
