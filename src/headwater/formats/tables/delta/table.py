"""A Delta table: two-phase commits, evolution, time travel and changes.

Delivery: exactly once by commit id, which stands in the log as a ``txn`` action
(application ``headwater:<relation>:<fingerprint>``, version = epoch).
Parallelism: any number of writers; an append is retried on top of what others
committed, see :meth:`DeltaLakeTable.commit`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import DataError, TerminalError, TransientError, UsageError
from headwater.formats.tables.datafiles import DataFile, Part, scan
from headwater.formats.tables.delta.actions import (
    add,
    commit_info,
    metadata,
    needed_protocol,
    remove,
    statistics,
    transaction,
)
from headwater.formats.tables.delta.log import ActiveFile, DeltaLog, Snapshot
from headwater.formats.tables.delta.maintenance import maintain, remove_unreferenced
from headwater.formats.tables.delta.types import storable
from headwater.formats.tables.partitions import identity_columns, resolve_partitions
from headwater.formats.tables.payload import damaged, spec_from_json, spec_to_json, staged_folder, writer_name
from headwater.formats.tables.schemas import Evolution, as_written, evolve
from headwater.formats.tables.staged import StagingArea
from headwater.formats.tables.storage import (
    SyncedFolders,
    fresh_name,
    remove_tree,
    storage_failures,
    table_folder,
)
from headwater.formats.tables.swapping import conflict, fits, taken_out
from headwater.spi.codec import FileScan, ParquetFile, ParquetTarget, Rows, ScanFile
from headwater.spi.table import (
    Appended,
    AtTime,
    AtVersion,
    CommitId,
    Committable,
    Draft,
    Footing,
    MaintenancePolicy,
    MaintenanceReport,
    PublishMode,
    Replaced,
    TableLocation,
    TableSpec,
    TableVersion,
    TimeTravel,
)
from headwater.types import Json, Schema
from headwater.values import frozen

if TYPE_CHECKING:
    # pyarrow, and what works with it, is imported where rows travel as Arrow: few runs need it.
    import pyarrow as pa

__all__ = ["DeltaLakeTable"]

ATTEMPTS: Final = 10


@frozen
class _Staged:
    """A committable's payload: files lie in ``folder``, with their statistics."""

    folder: str
    spec: TableSpec
    files: tuple[tuple[DataFile, str], ...]


class DeltaLakeTable:
    """One Delta table on a local file system."""

    def __init__(self, location: TableLocation) -> None:
        self._name = location.relation
        self._folder = table_folder(location)
        self._synced = SyncedFolders(Path(location.lake))
        self._log = DeltaLog(self._folder)
        self._area = StagingArea(self._folder, "data")
        self._rows: tuple[int, int] | None = None

    def exists(self) -> bool:
        return self._log.snapshot() is not None

    def schema(self) -> Schema:
        return self._existing().schema

    def version(self) -> int | None:
        snapshot = self._log.snapshot()
        return None if snapshot is None else snapshot.version

    def versions(self) -> Sequence[TableVersion]:
        return [TableVersion(e.version, e.at, e.operation, e.rows, e.commit) for e in self._log.entries()]

    def row_count(self) -> int:
        return self._row_count(self._existing())

    def stage(self, rows: pa.RecordBatchReader, spec: TableSpec, id: CommitId, mode: PublishMode) -> Committable:
        stored = self._stored(spec, mode)
        with storage_failures(self._folder):
            name = self._area.new()
            files = self._write(rows, stored, name)
        return _committable(id, mode, name, stored, files)

    def draft(self, spec: TableSpec, id: CommitId, mode: PublishMode) -> Draft | None:
        stored = self._stored(spec, mode)
        if stored.partition_by:
            return None
        folder = self._area.staged(fresh_name())
        return Draft(id, mode, stored, ParquetTarget(str(folder), stored.schema, "snappy"))

    def seal(self, draft: Draft, files: Sequence[ParquetFile]) -> Committable:
        import pyarrow.parquet as pq

        folder = Path(draft.target.folder)
        with storage_failures(self._folder):
            self._synced.make_durable(folder, (file.name for file in files))
            footers = [pq.read_metadata(folder / file.name) for file in files]
        described = [
            (DataFile.written(file), statistics(footer, draft.spec.schema))
            for file, footer in zip(files, footers, strict=True)
        ]
        return _committable(draft.id, draft.mode, folder.name, draft.spec, described)

    def _stored(self, spec: TableSpec, mode: PublishMode) -> TableSpec:
        """What rows of ``spec`` are written as. Raises DeclarationError as :meth:`stage`."""
        stored = replace(spec, schema=storable.schema(spec.schema))
        snapshot = self._log.snapshot()
        if mode is not PublishMode.REPLACE and snapshot is not None:
            stored = replace(stored, schema=as_written(snapshot.schema, stored))
        return replace(stored, partition_by=resolve_partitions(stored.partition_by, stored.schema, "delta"))

    def commit(self, committable: Committable) -> bool:
        """As the protocol says.

        Raises:
            TransientError: another writer changed the table so that the staged rows no longer fit it.
            TerminalError: the staged files are gone.
        """
        staged, writer = self._payload(committable), writer_name(committable.id)
        with storage_failures(self._folder):
            for _ in range(ATTEMPTS):
                snapshot = self._log.snapshot()
                known = self._log.epoch_of(writer)
                if known is not None and known >= committable.id.epoch:
                    self._area.discard(staged.folder)
                    return False
                if self._try_commit(committable, staged, snapshot):
                    return True
        raise TransientError(
            f"another writer keeps committing to {self._name}", hint="run again when the other writer is done"
        )

    def _try_commit(self, committable: Committable, staged: _Staged, snapshot: Snapshot | None) -> bool:
        """One attempt on top of a snapshot; False when another writer was faster."""
        if not self._area.staged(staged.folder).exists():
            raise TerminalError(
                f"the staged rows of {self._name}, epoch {committable.id.epoch}, are gone",
                detail=str(self._area.staged(staged.folder)),
                hint="restore the lake's folder, or drop the table and rebuild it",
            )
        self._area.publish(staged.folder)
        actions = [add(file, f"data/{staged.folder}", stats) for file, stats in staged.files]
        spec, operation, before, folders = staged.spec, committable.mode.value, 0, [staged.folder]
        if snapshot is not None and committable.mode is PublishMode.REPLACE:
            actions += [_removed(file, data_change=True) for file in self._log.files()]
        elif committable.mode is PublishMode.MERGE:
            gone = self._taken_out(committable, staged, snapshot)
            actions += [_removed(file, data_change=True) for file in gone]
            operation = operation if gone else "append"
            before = self.row_count() - self._rows_of(gone, self._existing())
        elif snapshot is not None:
            before = self._row_count(snapshot)
            evolution = evolve(snapshot.schema, spec.schema, spec.renames)
            if as_written(snapshot.schema, spec) != spec.schema:
                raise TransientError(
                    f"{self._name} changed after epoch {committable.id.epoch} was staged",
                    detail="another writer widened or renamed columns",
                    hint="run again: the epoch is computed anew",
                )
            spec = replace(spec, schema=evolution.schema)
            if evolution.rewrites or spec.partition_by != snapshot.partition_by:
                operation = "rewrite"
                folders.append(self._area.new())
                actions += self._rewritten(folders[-1], snapshot, spec, evolution)
        rows = before + committable.rows
        described, new = self._described(snapshot, spec)
        head = [
            commit_info(operation, committable.id, rows, datetime.now(UTC)),
            *described,
            transaction(writer_name(committable.id), committable.id.epoch),
        ]
        try:
            self._log.append([*head, *actions], new, committable.id)
        except FileExistsError:
            for name in folders[1:]:
                remove_unreferenced(self._log, self._area, name)
                self._area.discard(name)
            return False
        for name in folders:
            self._area.discard(name)
        self._rows = (new.version, rows)
        return True

    def _taken_out(self, committable: Committable, staged: _Staged, snapshot: Snapshot | None) -> list[ActiveFile]:
        """The files that a merge takes out. Raises ConflictError."""
        if snapshot is None:
            raise conflict(committable, "it is gone")
        if not fits(snapshot.schema, staged.spec) or staged.spec.partition_by != snapshot.partition_by:
            raise conflict(committable, "it has other columns or another partitioning")
        return taken_out(committable, {file.path: file for file in self._log.files()} if committable.without else {})

    def _described(self, snapshot: Snapshot | None, spec: TableSpec) -> tuple[list[Mapping[str, Json]], Snapshot]:
        """Protocol and metadata where they differ from what the log has, and the snapshot they lead to."""
        new = Snapshot(
            version=0 if snapshot is None else snapshot.version + 1,
            schema=spec.schema,
            partition_by=spec.partition_by,
            table_id=str(uuid.uuid4()) if snapshot is None else snapshot.table_id,
            configuration={**({} if snapshot is None else snapshot.configuration), **spec.properties},
            protocol=needed_protocol(spec, None if snapshot is None else snapshot.protocol),
        )
        actions = []
        if snapshot is None or snapshot.protocol != new.protocol:
            actions.append(new.protocol.to_action())
        if snapshot is None or replace(snapshot, version=new.version, protocol=new.protocol) != new:
            actions.append(metadata(replace(spec, properties=new.configuration), new.table_id, str(self._name)))
        return actions, new

    def _rewritten(
        self, name: str, snapshot: Snapshot, spec: TableSpec, evolution: Evolution
    ) -> list[Mapping[str, Json]]:
        """Earlier rows in the shape the table will have: the same rows, so not a change of data."""
        from headwater.formats.tables.arrowfiles import reshape

        files = self._log.files()
        batches = (reshape(batch, snapshot.schema, evolution) for batch in self._batches(snapshot, files))
        written = self._write(batches, spec, name)
        self._area.publish(name)
        return [
            *(_removed(file, data_change=False) for file in files),
            *(add(file, f"data/{name}", stats, data_change=False) for file, stats in written),
        ]

    def abort(self, committable: Committable) -> None:
        staged, known = self._payload(committable), self._log.epoch_of(writer_name(committable.id))
        with storage_failures(self._folder):
            if known is None or known < committable.id.epoch:
                remove_unreferenced(self._log, self._area, staged.folder)
            self._area.discard(staged.folder)

    def sweep(self, keep: Sequence[Committable]) -> int:
        kept = {self._payload(committable).folder for committable in keep}
        swept = 0
        with storage_failures(self._folder):
            for name in self._area.names():
                if name not in kept:
                    swept += remove_unreferenced(self._log, self._area, name)
                    self._area.discard(name)
        return swept

    def scan(self, *, at: TimeTravel | None = None, columns: Sequence[str] | None = None) -> Rows:
        snapshot, files = (self._existing(), self._log.files()) if at is None else self._as_of(at)
        outside = identity_columns(snapshot.schema, snapshot.partition_by)
        return scan(self._parts(files), snapshot.schema, outside, columns)

    def footing(self, spec: TableSpec) -> Footing | None:
        snapshot = self._log.snapshot()
        if snapshot is None:
            return None
        stored = self._stored(spec, PublishMode.REPLACE)
        if stored.partition_by != snapshot.partition_by or identity_columns(snapshot.schema, snapshot.partition_by):
            return None
        files = self._log.files()
        if not files or not fits(snapshot.schema, stored):
            return None
        described = (ScanFile(str(file.in_folder(self._folder)), file.path, file.size) for file in files)
        scanned = FileScan("parquet", tuple(described), snapshot.schema)
        return Footing(scanned, self._row_count(snapshot), self._log.made_by())

    def changes(self, after: int) -> Appended | Replaced:
        snapshot = self._existing()
        if after > snapshot.version:
            raise UsageError(f"{self._name} has no version {after}", hint=f"its newest version is {snapshot.version}")
        parts = []
        for version in range(after + 1, snapshot.version + 1):
            entry = self._log.entry(version)
            if entry is None or entry.changes_rows:
                return Replaced(snapshot.version)
            added = (action for action in entry.added if action["dataChange"])
            parts += [ActiveFile(a["path"], a["size"], None, a["partitionValues"]) for a in added]
        if not parts:
            return Appended(snapshot.version, None)
        if not all(part.in_folder(self._folder).exists() for part in parts):
            return Replaced(snapshot.version)
        outside = identity_columns(snapshot.schema, snapshot.partition_by)
        return Appended(snapshot.version, scan(self._parts(parts), snapshot.schema, outside))

    def maintain(self, policy: MaintenancePolicy, *, now: datetime) -> MaintenanceReport:
        self._existing()
        with storage_failures(self._folder):
            return maintain(self._log, self._area, policy, now)

    def drop(self) -> None:
        with storage_failures(self._folder):
            remove_tree(self._log.entries_folder)
            remove_tree(self._folder)
        self._log = DeltaLog(self._folder)

    def _existing(self) -> Snapshot:
        snapshot = self._log.snapshot()
        if snapshot is None:
            raise UsageError(f"the table {self._name} does not exist", hint="run its product first")
        return snapshot

    def _as_of(self, at: TimeTravel) -> tuple[Snapshot, list[ActiveFile]]:
        self._existing()
        known = self.versions()
        match at:
            case AtVersion(number):
                found = [version for version in known if version.number == number]
                asked = f"version {number}"
            case AtTime(moment):
                found = [version for version in known if version.committed_at <= moment]
                asked = f"version as of {moment.isoformat()}"
        if found:
            return self._log.snapshot_at(found[-1].number)
        raise UsageError(
            f"{self._name} has no {asked}",
            detail=f"it has versions {known[0].number} to {known[-1].number}",
            hint=f"the oldest is of {known[0].committed_at:%Y-%m-%d %H:%M:%S} UTC",
        )

    def _row_count(self, snapshot: Snapshot) -> int:
        """Rows by the log; files of writers that keep no statistics are counted by their footers."""
        if self._rows is None or self._rows[0] != snapshot.version:
            self._rows = (snapshot.version, self._rows_of(self._log.files(), snapshot))
        return self._rows[1]

    def _rows_of(self, files: Sequence[ActiveFile], snapshot: Snapshot) -> int:
        known = sum(file.rows or 0 for file in files)
        unknown = self._parts([file for file in files if file.rows is None])
        if not unknown:
            return known
        from headwater.formats.tables.arrowfiles import dataset

        outside = identity_columns(snapshot.schema, snapshot.partition_by)
        return known + int(dataset(unknown, snapshot.schema, outside).count_rows())

    def _write(self, rows: Any, spec: TableSpec, name: str) -> list[tuple[DataFile, str]]:
        from headwater.formats.tables.arrowfiles import write_data

        folder = self._area.staged(name)
        written = write_data(rows, folder, spec.schema, spec.partition_by, compression="snappy")
        for file, _ in written:
            if "" in file.partition.values():
                raise DataError(
                    f"a row of {self._name} has an empty text where the table is partitioned",
                    detail="Delta reads an empty partition value as NULL",
                    hint="make it NULL in the query, partition by another column, or use output iceberg",
                )
        return [(file, statistics(footer, spec.schema)) for file, footer in written]

    def _parts(self, files: Sequence[ActiveFile]) -> list[Part]:
        return [Part(file.in_folder(self._folder), file.size, file.partition) for file in files]

    def _batches(self, snapshot: Snapshot, files: Sequence[ActiveFile]) -> Iterator[pa.RecordBatch]:
        from headwater.formats.tables.arrowfiles import dataset

        outside = identity_columns(snapshot.schema, snapshot.partition_by)
        if files:
            yield from dataset(self._parts(files), snapshot.schema, outside).to_batches()

    def _payload(self, committable: Committable) -> _Staged:
        payload: Any = committable.payload
        try:
            files = tuple((DataFile.from_json(item["file"]), str(item["stats"])) for item in payload["files"])
            return _Staged(staged_folder(payload["folder"]), spec_from_json(payload["spec"]), files)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(
                f"the outbox entry of {committable.id.relation}, epoch {committable.id.epoch},", error
            ) from error


def _committable(
    id: CommitId, mode: PublishMode, folder: str, spec: TableSpec, files: Sequence[tuple[DataFile, str]]
) -> Committable:
    payload: Mapping[str, Json] = {
        "folder": folder,
        "spec": spec_to_json(spec),
        "files": [{"file": file.to_json(), "stats": stats} for file, stats in files],
    }
    return Committable(id, mode, sum(file.rows for file, _ in files), payload)


def _removed(file: ActiveFile, *, data_change: bool) -> Mapping[str, Json]:
    return remove(file.path, file.size, file.partition, data_change=data_change)
