"""What a table format implements: two-phase, idempotent publication, and reading back.

``stage`` writes data files into the table's storage where no reader sees them
and returns a small serialisable :class:`Committable`, which the runtime keeps
in its outbox; ``commit`` makes it visible in one atomic step that carries the
:class:`CommitId` inside the table's own log, so that a repeated commit changes
nothing. The shape is that of Flink's two-phase sinks (FLIP-143).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from headwater.capabilities import TableCapability
from headwater.spec.declarations import PartitionField
from headwater.spi.codec import FileScan, ParquetFile, ParquetTarget, Rows
from headwater.types import Json, RelationName, Schema
from headwater.values import frozen

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "Appended",
    "AtTime",
    "AtVersion",
    "CommitId",
    "Committable",
    "Draft",
    "FileStager",
    "FileSwapper",
    "Footing",
    "MaintenancePolicy",
    "MaintenanceReport",
    "Preparing",
    "PublishMode",
    "Replaced",
    "Table",
    "TableFormat",
    "TableLocation",
    "TableSpec",
    "TableVersion",
]


class PublishMode(StrEnum):
    """What becomes of the rows that a table has. MERGE keeps them but those of some files, see :class:`FileSwapper`."""

    APPEND = "append"
    REPLACE = "replace"
    MERGE = "merge"


@frozen
class TableLocation:
    """Where a table lives. ``lake`` is an absolute folder; ``catalog`` a SQLAlchemy URL or None for the default.

    The folder ``<lake>/<product>/<relation>`` is there as long as the table: where it was deleted, a run
    computes the table anew.
    """

    lake: str
    relation: RelationName
    catalog: str | None = None


@frozen
class TableSpec:
    """What the table must look like when the rows are committed.

    ``renames`` maps new column names to old ones. ``properties`` are shown to
    other tools (owner, description, contract id).
    """

    schema: Schema
    partition_by: tuple[PartitionField, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@frozen
class CommitId:
    """Who commits what: unique for every epoch a model publishes. ``epoch`` only grows."""

    relation: RelationName
    fingerprint: str
    epoch: int


@frozen
class Committable:
    """What was staged, as the outbox stores it. ``payload`` is the format's own JSON.

    ``without`` names the data files that a MERGE takes out of the table: whoever staged the rows wrote
    among them what is to stay of these files.
    """

    id: CommitId
    mode: PublishMode
    rows: int
    payload: Mapping[str, Json]
    without: tuple[str, ...] = ()


@frozen
class Draft:
    """An epoch that an engine is to write: ``spec`` is as the table stores it, ``target`` is where and as what.

    ``payload`` is the format's own, for :meth:`FileStager.seal`.
    """

    id: CommitId
    mode: PublishMode
    spec: TableSpec
    target: ParquetTarget
    payload: Mapping[str, Json] = field(default_factory=dict)


@frozen
class TableVersion:
    """A state of the table that can be read. ``number`` grows; ``commit`` is None for another writer's version."""

    number: int
    committed_at: datetime
    operation: str
    rows: int | None
    commit: CommitId | None


@frozen
class AtVersion:
    number: int


@frozen
class AtTime:
    """The newest version committed at or before ``at`` (aware)."""

    at: datetime


TimeTravel: TypeAlias = AtVersion | AtTime


@frozen
class Appended:
    """Only rows were added since; ``rows`` None when none were. ``version`` is the newest."""

    version: int
    rows: Rows | None


@frozen
class Replaced:
    """Rows that were there before may be gone: the reader starts anew from ``version``."""

    version: int


@frozen
class MaintenancePolicy:
    """How files are compacted; versions older than ``keep`` expire, never the last ``keep_versions``."""

    target_file_bytes: int = 128 * 1024 * 1024
    keep: timedelta = timedelta(days=7)
    keep_versions: int = 1


@frozen
class MaintenanceReport:
    files_before: int
    files_after: int
    versions_expired: int
    bytes_freed: int


class Table(Protocol):
    """One table. Handles are kept open during a run and are not shared between threads."""

    def exists(self) -> bool: ...

    def schema(self) -> Schema:
        """The newest schema. Raises UsageError when the table does not exist."""
        ...

    def version(self) -> int | None:
        """The newest version's number; None when the table does not exist."""
        ...

    def versions(self) -> Sequence[TableVersion]:
        """All readable versions, oldest first."""
        ...

    def row_count(self) -> int: ...

    def stage(self, rows: pyarrow.RecordBatchReader, spec: TableSpec, id: CommitId, mode: PublishMode) -> Committable:
        """Write data files that no reader sees, durable at return; streams, never holds all rows.

        Raises:
            DeclarationError: the table cannot evolve to ``spec`` (the hint names the way out).
            TransientError: the storage failed.
        """
        ...

    def commit(self, committable: Committable) -> bool:
        """Make a staged epoch visible, atomically, creating or evolving the table; False when it already was."""
        ...

    def abort(self, committable: Committable) -> None:
        """Delete staged files; nothing happens when they are gone or were committed."""
        ...

    def sweep(self, keep: Sequence[Committable]) -> int:
        """Delete staged files that no version and none of ``keep`` refers to; returns how many."""
        ...

    def scan(self, *, at: TimeTravel | None = None, columns: Sequence[str] | None = None) -> Rows:
        """The content. Raises UsageError when the version or time does not exist."""
        ...

    def changes(self, after: int) -> Appended | Replaced:
        """What happened after a version, compactions not counted as change."""
        ...

    def maintain(self, policy: MaintenancePolicy, *, now: datetime) -> MaintenanceReport:
        """Compact small files and expire old versions; the content stays the same."""
        ...

    def drop(self) -> None: ...


@runtime_checkable
class FileStager(Protocol):
    """What a :class:`Table` can do besides: stage files that a :class:`headwater.spi.engine.ParquetWriter` wrote.

    Between the two calls an engine writes below the draft's folder, where no reader looks and
    :meth:`Table.sweep` deletes what a crash leaves. An offer, not a duty: other tables are given a stream.
    """

    def draft(self, spec: TableSpec, id: CommitId, mode: PublishMode) -> Draft | None:
        """Where and how the rows are to be written; nothing is created. None: only :meth:`Table.stage` can write them.

        Raises:
            DeclarationError: as :meth:`Table.stage`.
        """
        ...

    def seal(self, draft: Draft, files: Sequence[ParquetFile]) -> Committable:
        """Make written files durable; what it returns is what :meth:`Table.stage` would have returned.

        The names of files may lead through one folder below the draft's.

        May be called from another thread than the handle's other methods, and beside them.

        Raises:
            TransientError: the storage failed.
        """
        ...


@frozen
class Footing:
    """What a change set stands on: the content of the newest version, file by file.

    ``files`` describes them as :meth:`Table.scan` does; the ``name`` of each is what :attr:`Committable.without`
    says. ``rows`` is their number, ``commit`` the one that made this content, None where that is unknown or it was
    another writer.
    """

    files: FileScan
    rows: int
    commit: CommitId | None


@runtime_checkable
class FileSwapper(Protocol):
    """What a :class:`Table` can do besides: exchange some of its files for staged ones, in one commit.

    A format whose tables do promises :attr:`headwater.capabilities.TableCapability.MERGE`. Rows are staged as ever,
    with :attr:`PublishMode.MERGE`; the commit takes the files of :attr:`Committable.without` out and the staged ones
    in. It is atomic and idempotent by its id like every other, and a version that can be travelled to; a merge without
    files to take out is an append. The other files are neither read nor written.

    ``commit`` raises ConflictError, and changes nothing, when a file to be taken out is no longer one of the
    table's, or the table has other columns or another partitioning than the rows were staged for.
    """

    def footing(self, spec: TableSpec) -> Footing | None:
        """The files that a change set may take out.

        None where rows of ``spec`` cannot be exchanged by file: there is no table or no row, it has other columns or
        another partitioning, or its files alone do not say what their rows are.
        """
        ...


class TableFormat(Protocol):
    """A way to keep tables, such as ``delta``. Opening imports its libraries, naming the extra when missing."""

    name: str
    capabilities: frozenset[TableCapability]

    def open(self, location: TableLocation) -> Table: ...

    def check(self, spec: TableSpec) -> None:
        """Asked while a model is planned, again and again: needs no table and no library of the format.

        Raises:
            DeclarationError: a column or the partitioning cannot be stored, as :meth:`Table.stage` would say.
        """
        ...


@runtime_checkable
class Preparing(Protocol):
    """A table format whose libraries take long to load."""

    def prepare(self) -> None:
        """Import what writing to tables will need; called while something else is waited for, if ever.

        What is missing is left to :meth:`TableFormat.open` to tell.
        """
        ...
