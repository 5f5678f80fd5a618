"""An Iceberg table: two-phase commits, evolution, time travel and changes.

Delivery: exactly once by commit id, which stands in the snapshot's summary and,
so that it outlives the snapshot, in a table property; both are swapped in with
the same metadata file. Parallelism: any number of writers; whoever loses the
swap builds its snapshot again on what the other committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyiceberg.manifest import ManifestEntry
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema as IcebergSchema

from headwater.errors import TerminalError, TransientError, UsageError
from headwater.formats.tables.iceberg.catalog import CatalogRow
from headwater.formats.tables.iceberg.commits import IcebergLog, Publication
from headwater.formats.tables.iceberg.maintenance import maintain
from headwater.formats.tables.iceberg.manifests import data_file
from headwater.formats.tables.iceberg.metadata import (
    Metadata,
    current_schema,
    current_snapshot,
    current_spec,
    epoch_of,
    partition_fields,
    partition_spec,
    schema_by_id,
    to_version,
    with_schema,
    with_spec,
)
from headwater.formats.tables.iceberg.partitioning import key_from_json, key_to_json, partition_keys, partition_types
from headwater.formats.tables.iceberg.reading import Reading, path_of
from headwater.formats.tables.iceberg.storable import storable
from headwater.formats.tables.iceberg.types import arrow_with_ids, assign_ids, schema_from_iceberg
from headwater.formats.tables.partitions import parse_transform
from headwater.formats.tables.payload import damaged, spec_from_json, spec_to_json, staged_folder
from headwater.formats.tables.schemas import as_written, evolve
from headwater.formats.tables.staged import StagingArea
from headwater.formats.tables.staging import Layout, write_files
from headwater.formats.tables.storage import SyncedFolders, fresh_name, remove_tree, storage_failures, table_folder
from headwater.formats.tables.swapping import conflict, fits, taken_out
from headwater.spi.arrow import conform
from headwater.spi.codec import FileScan, ParquetFile, ParquetTarget, Rows
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

__all__ = ["IcebergTable"]

ATTEMPTS: Final = 10


@frozen
class _Target:
    """The schema with ids and the partitioning that an epoch's files are written for."""

    schema: IcebergSchema
    last_id: int
    spec: PartitionSpec


@frozen
class _Staged:
    """A committable's payload; ``files`` are path, size and partition values as hexadecimal text."""

    folder: str
    spec: TableSpec
    schema: IcebergSchema
    files: tuple[tuple[str, int, tuple[str | None, ...]], ...]


class IcebergTable:
    """One Iceberg table of a SQL catalog, its files on a local file system."""

    def __init__(self, location: TableLocation) -> None:
        self._name = location.relation
        self._folder = table_folder(location)
        self._synced = SyncedFolders(Path(location.lake))
        self._log = IcebergLog(self._folder, CatalogRow(location))
        self._area = StagingArea(self._folder, "data")
        self._reading = Reading()

    def exists(self) -> bool:
        return self._log.metadata() is not None

    def schema(self) -> Schema:
        return schema_from_iceberg(current_schema(self._existing()))

    def version(self) -> int | None:
        metadata = self._log.metadata()
        return None if metadata is None else int(metadata["last-sequence-number"])

    def versions(self) -> Sequence[TableVersion]:
        metadata = self._log.metadata()
        return [] if metadata is None else [to_version(snapshot) for snapshot in metadata["snapshots"]]

    def row_count(self) -> int:
        snapshot = current_snapshot(self._existing())
        return 0 if snapshot is None else int(snapshot["summary"]["total-records"])

    def stage(self, rows: pa.RecordBatchReader, spec: TableSpec, id: CommitId, mode: PublishMode) -> Committable:
        stored, target = self._planned(spec, mode)
        with storage_failures(self._folder):
            name = self._area.new()
            files = self._write(rows, name, target, stored.schema)
        payload: Mapping[str, Json] = {
            "folder": name,
            "spec": spec_to_json(stored),
            "schema": target.schema.model_dump_json(),
            "files": [file for file, _ in files],
        }
        return Committable(id, mode, sum(count for _, count in files), payload)

    def draft(self, spec: TableSpec, id: CommitId, mode: PublishMode) -> Draft | None:
        stored, target = self._planned(spec, mode)
        if target.spec.fields or not all(field.field_type.is_primitive for field in target.schema.fields):
            return None
        ids = {column.name: target.schema.find_field(column.name).field_id for column in stored.schema}
        written = ParquetTarget(str(self._area.staged(fresh_name())), stored.schema, field_ids=ids)
        return Draft(id, mode, stored, written, {"schema": target.schema.model_dump_json()})

    def seal(self, draft: Draft, files: Sequence[ParquetFile]) -> Committable:
        folder = Path(draft.target.folder)
        with storage_failures(self._folder):
            self._synced.make_durable(folder, (file.name for file in files))
        payload: Mapping[str, Json] = {
            "folder": folder.name,
            "spec": spec_to_json(draft.spec),
            **draft.payload,
            "files": [{"path": file.name, "size": file.size, "partition": []} for file in files],
        }
        return Committable(draft.id, draft.mode, sum(file.rows for file in files), payload)

    def _planned(self, spec: TableSpec, mode: PublishMode) -> tuple[TableSpec, _Target]:
        """What rows of ``spec`` are written as, and for which table. Raises DeclarationError as :meth:`stage`."""
        stored = replace(spec, schema=storable.schema(spec.schema))
        for field in stored.partition_by:
            parse_transform(field, stored.schema)
        metadata = self._log.metadata()
        if mode is not PublishMode.REPLACE and metadata is not None:
            stored = replace(stored, schema=as_written(schema_from_iceberg(current_schema(metadata)), stored))
        return stored, _target(metadata, stored, mode)

    def commit(self, committable: Committable) -> bool:
        """As the protocol says.

        Raises:
            TransientError: another writer changed the table so that the staged rows no longer fit it.
            TerminalError: the staged files are gone.
        """
        staged = self._payload(committable)
        with storage_failures(self._folder):
            for _ in range(ATTEMPTS):
                metadata = self._log.metadata()
                known = None if metadata is None else epoch_of(metadata, committable.id)
                if known is not None and known >= committable.id.epoch:
                    self._area.discard(staged.folder)
                    return False
                if self._try_commit(committable, staged, metadata):
                    self._area.discard(staged.folder)
                    return True
        raise TransientError(
            f"another writer keeps committing to {self._name}", hint="run again when the other writer is done"
        )

    def _try_commit(self, committable: Committable, staged: _Staged, metadata: Metadata | None) -> bool:
        """One attempt on top of the newest metadata; False when another writer was faster."""
        if not self._area.staged(staged.folder).exists():
            raise TerminalError(
                f"the staged rows of {self._name}, epoch {committable.id.epoch}, are gone",
                detail=str(self._area.staged(staged.folder)),
                hint="restore the lake's folder, or drop the table and rebuild it",
            )
        removed = self._taken_out(committable, staged, metadata)
        target = _target(metadata, staged.spec, committable.mode)
        if target.schema.fields != staged.schema.fields:
            raise TransientError(
                f"{self._name} changed after epoch {committable.id.epoch} was staged",
                detail="another writer changed its schema",
                hint="run again: the epoch is computed anew",
            )
        folder = self._area.publish(staged.folder)
        types = partition_types(target.spec, target.schema)
        files = [
            data_file(folder / path, size, target.schema, target.spec, key_from_json(key, types))
            for path, size, key in staged.files
        ]
        publication = Publication(
            name=staged.folder,
            schema=target.schema,
            last_id=target.last_id,
            spec=staged.spec,
            partitioning=target.spec,
            files=files,
            operation="append" if committable.mode is PublishMode.MERGE and not removed else committable.mode.value,
            commit=committable.id,
            at=datetime.now(UTC),
            removed=removed,
        )
        return self._log.publish(publication, metadata)

    def _taken_out(
        self, committable: Committable, staged: _Staged, metadata: Metadata | None
    ) -> Sequence[ManifestEntry]:
        """The files that a merge takes out. Raises ConflictError."""
        if committable.mode is not PublishMode.MERGE:
            return ()
        if metadata is None:
            raise conflict(committable, "it is gone")
        current = schema_from_iceberg(current_schema(metadata))
        if not fits(current, staged.spec) or partition_fields(metadata) != staged.spec.partition_by:
            raise conflict(committable, "it has other columns or another partitioning")
        live = self._log.manifests(current_snapshot(metadata)).live() if committable.without else ()
        return taken_out(committable, {path_of(entry.data_file): entry for entry in live})

    def abort(self, committable: Committable) -> None:
        staged, metadata = self._payload(committable), self._log.metadata()
        known = None if metadata is None else epoch_of(metadata, committable.id)
        with storage_failures(self._folder):
            if known is None or known < committable.id.epoch:
                self._log.remove_unreferenced(staged.folder, self._area)
            self._area.discard(staged.folder)

    def sweep(self, keep: Sequence[Committable]) -> int:
        kept = {self._payload(committable).folder for committable in keep}
        swept = 0
        with storage_failures(self._folder):
            for name in self._area.names():
                if name not in kept:
                    swept += self._log.remove_unreferenced(name, self._area)
                    self._area.discard(name)
        return swept

    def scan(self, *, at: TimeTravel | None = None, columns: Sequence[str] | None = None) -> Rows:
        metadata = self._existing()
        snapshot = current_snapshot(metadata) if at is None else self._as_of(at, metadata)
        if snapshot is None:
            return self._reading.rows(metadata, current_schema(metadata), (), columns)
        schema = current_schema(metadata) if at is None else schema_by_id(metadata, snapshot["schema-id"])
        manifests = self._log.manifests(snapshot)
        if manifests.has_deletes:
            raise TerminalError(
                f"another writer marked rows of {self._name} as deleted, which headwater does not read",
                hint="compact the table with the tool that deleted them",
            )
        return self._reading.rows(metadata, schema, [entry.data_file for entry in manifests.live()], columns)

    def footing(self, spec: TableSpec) -> Footing | None:
        metadata = self._log.metadata()
        snapshot = None if metadata is None else current_snapshot(metadata)
        if metadata is None or snapshot is None:
            return None
        stored, schema = replace(spec, schema=storable.schema(spec.schema)), current_schema(metadata)
        manifests = self._log.manifests(snapshot)
        if manifests.has_deletes or partition_fields(metadata) != stored.partition_by:
            return None
        if not fits(schema_from_iceberg(schema), stored):
            return None
        scanned = self._reading.rows(metadata, schema, [entry.data_file for entry in manifests.live()])
        if not isinstance(scanned, FileScan):
            return None
        return Footing(scanned, int(snapshot["summary"]["total-records"]), _made_by(metadata))

    def changes(self, after: int) -> Appended | Replaced:
        metadata = self._existing()
        newest = int(metadata["last-sequence-number"])
        if after > newest:
            raise UsageError(f"{self._name} has no version {after}", hint=f"its newest version is {newest}")
        snapshots = {snapshot["sequence-number"]: snapshot for snapshot in metadata["snapshots"]}
        files = []
        for number in range(after + 1, newest + 1):
            snapshot = snapshots.get(number)
            if snapshot is None:
                return Replaced(newest)
            match to_version(snapshot).operation:
                case "append":
                    files += self._log.manifests(snapshot).added_by(snapshot["snapshot-id"])
                case "compact":
                    continue
                case _:
                    return Replaced(newest)
        if not all(Path(file.file_path).exists() for file in files):
            return Replaced(newest)
        return Appended(newest, self._reading.rows(metadata, current_schema(metadata), files) if files else None)

    def maintain(self, policy: MaintenancePolicy, *, now: datetime) -> MaintenanceReport:
        self._existing()
        with storage_failures(self._folder):
            return maintain(self._log, self._area, self._reading, policy, now)

    def drop(self) -> None:
        self._log.forget()
        with storage_failures(self._folder):
            remove_tree(self._folder)

    def _existing(self) -> Metadata:
        metadata = self._log.metadata()
        if metadata is None:
            raise UsageError(f"the table {self._name} does not exist", hint="run its product first")
        return metadata

    def _as_of(self, at: TimeTravel, metadata: Metadata) -> Mapping[str, Any]:
        snapshots = metadata["snapshots"]
        known = [to_version(snapshot) for snapshot in snapshots]
        match at:
            case AtVersion(number):
                found = [s for s in snapshots if s["sequence-number"] == number]
                asked = f"version {number}"
            case AtTime(moment):
                found = [s for s, version in zip(snapshots, known, strict=True) if version.committed_at <= moment]
                asked = f"version as of {moment.isoformat()}"
        if found:
            chosen: Mapping[str, Any] = found[-1]
            return chosen
        raise UsageError(
            f"{self._name} has no {asked}",
            detail=f"it has versions {known[0].number} to {known[-1].number}",
            hint=f"the oldest is of {known[0].committed_at:%Y-%m-%d %H:%M:%S} UTC",
        )

    def _write(
        self, rows: pa.RecordBatchReader, name: str, target: _Target, schema: Schema
    ) -> list[tuple[Mapping[str, Json], int]]:
        columns = arrow_with_ids(target.schema.find_field(column.name) for column in schema)
        types = partition_types(target.spec, target.schema)
        layout = Layout(
            folder=self._area.staged(name),
            columns=columns,
            keys=lambda batch: partition_keys(batch, target.spec, target.schema),
        )
        written = write_files((conform(batch, columns) for batch in rows), layout)
        return [({"path": f.path, "size": f.size, "partition": [*key_to_json(f.key, types)]}, f.rows) for f in written]

    def _payload(self, committable: Committable) -> _Staged:
        payload: Any = committable.payload
        try:
            return _Staged(
                folder=staged_folder(payload["folder"]),
                spec=spec_from_json(payload["spec"]),
                schema=IcebergSchema.model_validate_json(payload["schema"]),
                files=tuple((str(f["path"]), int(f["size"]), tuple(f["partition"])) for f in payload["files"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(
                f"the outbox entry of {committable.id.relation}, epoch {committable.id.epoch},", error
            ) from error


def _made_by(metadata: Metadata) -> CommitId | None:
    """The commit behind which rows were only compacted, if at all."""
    versions = (to_version(snapshot) for snapshot in reversed(metadata["snapshots"]))
    made = next((version for version in versions if version.operation != "compact"), None)
    return None if made is None else made.commit


def _target(metadata: Metadata | None, spec: TableSpec, mode: PublishMode) -> _Target:
    """What the table has to look like for rows of a spec: the same for stage and commit unless it changed between."""
    if metadata is None:
        schema, last_id = assign_ids(spec.schema, None, {}, 0)
        return _Target(schema, last_id, partition_spec(spec.partition_by, schema))
    current = current_schema(metadata)
    if mode is PublishMode.REPLACE:
        wanted, renamed = spec.schema, dict(spec.renames)
    else:
        evolution = evolve(schema_from_iceberg(current), spec.schema, spec.renames)
        wanted, renamed = evolution.schema, dict(evolution.renamed or {})
    schema, last_id = assign_ids(wanted, current, renamed, metadata["last-column-id"])
    changed = with_schema(metadata, schema, last_id)
    if partition_fields(changed) != spec.partition_by:
        changed = with_spec(changed, spec.partition_by)
    return _Target(schema, last_id, current_spec(changed))
