"""A Parquet table: two-phase commits, evolution, time travel and changes.

Delivery: exactly once by commit id, across processes and crashes. A commit is
one rename (append) or one link (everything else) under a lock; see
:mod:`headwater.formats.tables.parquet.log` for the layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.errors import TerminalError, TransientError, UsageError
from headwater.formats.tables.datafiles import DataFile
from headwater.formats.tables.parquet.format import storable
from headwater.formats.tables.parquet.log import Log, Version
from headwater.formats.tables.parquet.publish import append_version, rewrite, start_generation, swap
from headwater.formats.tables.parquet.rows import footing, scan_versions
from headwater.formats.tables.partitions import resolve_partitions
from headwater.formats.tables.payload import damaged, spec_from_json, spec_to_json, staged_folder, writer_name
from headwater.formats.tables.schemas import as_written, evolve
from headwater.formats.tables.storage import (
    SyncedFolders,
    fresh_name,
    make_folder,
    remove_tree,
    storage_failures,
    table_folder,
)
from headwater.spi.codec import ParquetFile, ParquetTarget, Rows
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

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParquetTable"]


class ParquetTable:
    """One table of Parquet files. Parallelism: one writer at a time (others wait), any number of readers."""

    def __init__(self, location: TableLocation) -> None:
        self._name = location.relation
        self._folder = table_folder(location)
        self._synced = SyncedFolders(Path(location.lake))
        self._log = Log(self._folder)

    def exists(self) -> bool:
        return self._log.newest is not None

    def schema(self) -> Schema:
        return self._existing().spec.schema

    def version(self) -> int | None:
        newest = self._log.newest
        return None if newest is None else newest.number

    def versions(self) -> Sequence[TableVersion]:
        found = []
        for generation in self._log.generations():
            rows = 0
            for version in self._log.generation(generation):
                rows += version.rows
                found.append(
                    TableVersion(version.number, version.committed_at, version.operation, rows, version.commit)
                )
        return found

    def row_count(self) -> int:
        self._existing()
        return sum(version.rows for version in self._log.current)

    def stage(self, rows: pa.RecordBatchReader, spec: TableSpec, id: CommitId, mode: PublishMode) -> Committable:
        from headwater.formats.tables.arrowfiles import write_data

        stored = self._stored(spec, mode)
        name = fresh_name()
        with storage_failures(self._folder):
            folder = self._staged(name)
            make_folder(folder)
            files = [file for file, _ in write_data(rows, folder, stored.schema, stored.partition_by)]
        return _committable(id, mode, name, stored, files)

    def draft(self, spec: TableSpec, id: CommitId, mode: PublishMode) -> Draft | None:
        stored = self._stored(spec, mode)
        if stored.partition_by:
            return None
        return Draft(id, mode, stored, ParquetTarget(str(self._staged(fresh_name())), stored.schema))

    def seal(self, draft: Draft, files: Sequence[ParquetFile]) -> Committable:
        folder = Path(draft.target.folder)
        with storage_failures(self._folder):
            self._synced.make_durable(folder, (file.name for file in files))
        return _committable(draft.id, draft.mode, folder.name, draft.spec, [DataFile.written(file) for file in files])

    def _stored(self, spec: TableSpec, mode: PublishMode) -> TableSpec:
        """What rows of ``spec`` are written as. Raises DeclarationError as :meth:`stage`."""
        stored = replace(spec, schema=storable.schema(spec.schema))
        newest = self._log.newest
        if mode is not PublishMode.REPLACE and newest is not None:
            stored = replace(stored, schema=as_written(newest.spec.schema, stored))
        return replace(stored, partition_by=resolve_partitions(stored.partition_by, stored.schema, "parquet"))

    def commit(self, committable: Committable) -> bool:
        name, spec, files = self._payload(committable)
        writer = writer_name(committable.id)
        with storage_failures(self._folder), self._log.locked():
            newest = self._log.newest
            if newest is not None and newest.epochs.get(writer, -1) >= committable.id.epoch:
                remove_tree(self._staged(name))
                return False
            self._publish(committable, name, spec, files)
            remove_tree(self._staged(name))
        return True

    def _publish(self, committable: Committable, name: str, spec: TableSpec, files: Sequence[DataFile]) -> None:
        folder, newest = self._staged(name), self._log.newest
        if not folder.exists():
            raise TerminalError(
                f"the staged rows of {self._name}, epoch {committable.id.epoch}, are gone",
                detail=str(folder),
                hint="restore the lake's folder, or drop the table and rebuild it",
            )
        number = 1 if newest is None else newest.number + 1
        version = Version(
            number=number,
            generation=number,
            operation=committable.mode.value,
            committed_at=_after(newest),
            commit=committable.id,
            spec=spec,
            files=tuple(files),
            epochs={**(newest.epochs if newest else {}), writer_name(committable.id): committable.id.epoch},
        )
        sources = {file.path: folder / file.path for file in files}
        if committable.mode is PublishMode.MERGE:
            swap(self._log, version, sources, committable)
            return
        if newest is None or committable.mode is PublishMode.REPLACE:
            start_generation(self._log, version, sources)
            return
        evolution = evolve(newest.spec.schema, spec.schema, spec.renames)
        if as_written(newest.spec.schema, spec) != spec.schema:
            raise TransientError(
                f"{self._name} changed after epoch {committable.id.epoch} was staged",
                detail="another writer widened or renamed columns",
                hint="run again: the epoch is computed anew",
            )
        version = replace(version, spec=replace(spec, schema=evolution.schema))
        if evolution.rewrites or spec.partition_by != newest.spec.partition_by:
            rewrite(self._log, version, sources, evolution)
        else:
            append_version(self._log, replace(version, generation=newest.generation), folder)

    def abort(self, committable: Committable) -> None:
        name, _, _ = self._payload(committable)
        with storage_failures(self._folder):
            remove_tree(self._staged(name))

    def sweep(self, keep: Sequence[Committable]) -> int:
        kept = {self._payload(committable)[0] for committable in keep}
        staging = self._folder / "staging"
        with storage_failures(self._folder):
            if not self._folder.exists():
                return 0
            with self._log.locked():
                orphans = [entry for entry in staging.iterdir() if entry.name not in kept] if staging.exists() else []
                orphans += [self._log.generation_folder(number) for number in self._log.unlinked()]
                files = sum(1 for orphan in orphans for _ in orphan.rglob("*.parquet"))
                for orphan in orphans:
                    remove_tree(orphan)
        return files

    def scan(self, *, at: TimeTravel | None = None, columns: Sequence[str] | None = None) -> Rows:
        self._existing()
        return scan_versions(self._log, self._log.current if at is None else self._as_of(at), columns)

    def footing(self, spec: TableSpec) -> Footing | None:
        return None if self._log.newest is None else footing(self._log, self._stored(spec, PublishMode.REPLACE))

    def changes(self, after: int) -> Appended | Replaced:
        newest = self._existing()
        if after > newest.number:
            raise UsageError(f"{self._name} has no version {after}", hint=f"its newest version is {newest.number}")
        known = {version.number: version for version in self._log.current}
        if after + 1 < newest.generation:
            for generation in self._log.generations():
                known.update((version.number, version) for version in self._log.generation(generation))
        since = [known.get(number) for number in range(after + 1, newest.number + 1)]
        if any(version is None or version.operation in {"replace", "rewrite", "merge"} for version in since):
            return Replaced(newest.number)
        appended = [version for version in since if version is not None and version.operation == "append"]
        if not any(version.files for version in appended):
            return Appended(newest.number, None)
        return Appended(newest.number, scan_versions(self._log, appended, None))

    def maintain(self, policy: MaintenancePolicy, *, now: datetime) -> MaintenanceReport:
        from headwater.formats.tables.parquet.maintenance import maintain

        self._existing()
        with storage_failures(self._folder), self._log.locked():
            return maintain(self._log, policy, now)

    def drop(self) -> None:
        with storage_failures(self._folder):
            self._log.link.unlink(missing_ok=True)
            remove_tree(self._folder)

    def _existing(self) -> Version:
        newest = self._log.newest
        if newest is None:
            raise UsageError(f"the table {self._name} does not exist", hint="run its product first")
        return newest

    def _as_of(self, at: TimeTravel) -> list[Version]:
        match at:
            case AtVersion(number):
                generation = max((g for g in self._log.generations() if g <= number), default=None)
                versions = [] if generation is None else self._log.generation(generation)
                found = [version for version in versions if version.number <= number]
                if found and found[-1].number == number:
                    return found
                asked = f"version {number}"
            case AtTime(moment):
                older = [version for version in self.versions() if version.committed_at <= moment]
                if older:
                    return self._as_of(AtVersion(older[-1].number))
                asked = f"version as of {moment.isoformat()}"
        known = self.versions()
        raise UsageError(
            f"{self._name} has no {asked}",
            detail=f"it has versions {known[0].number} to {known[-1].number}",
            hint=f"the oldest is of {known[0].committed_at:%Y-%m-%d %H:%M:%S} UTC",
        )

    def _staged(self, name: str) -> Path:
        return self._folder / "staging" / name

    def _payload(self, committable: Committable) -> tuple[str, TableSpec, list[DataFile]]:
        payload: Any = committable.payload
        try:
            return (
                staged_folder(payload["folder"]),
                spec_from_json(payload["spec"]),
                [DataFile.from_json(f) for f in payload["files"]],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(
                f"the outbox entry of {committable.id.relation}, epoch {committable.id.epoch},", error
            ) from error


def _committable(
    id: CommitId, mode: PublishMode, folder: str, spec: TableSpec, files: Sequence[DataFile]
) -> Committable:
    payload: Mapping[str, Json] = {
        "folder": folder,
        "spec": spec_to_json(spec),
        "files": [file.to_json() for file in files],
    }
    return Committable(id, mode, sum(file.rows for file in files), payload)


def _after(newest: Version | None) -> datetime:
    now = datetime.now(UTC)
    return now if newest is None else max(now, newest.committed_at)
