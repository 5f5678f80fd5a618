"""The log of an Iceberg table: metadata files, snapshots, and the swap that makes a new one current."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pyiceberg.manifest import DataFile, ManifestEntry, ManifestEntryStatus
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema as IcebergSchema

from headwater.errors import UsageError
from headwater.formats.tables.iceberg.catalog import CatalogRow
from headwater.formats.tables.iceberg.manifests import ManifestSet, ManifestWriting, new_snapshot_id
from headwater.formats.tables.iceberg.metadata import (
    Metadata,
    create,
    current_schema,
    current_snapshot,
    epoch_property,
    partition_fields,
    read,
    specs,
    with_properties,
    with_schema,
    with_snapshot,
    with_spec,
)
from headwater.formats.tables.staged import StagingArea
from headwater.formats.tables.storage import create_exclusively, fresh_name, make_folder, remove_file
from headwater.spi.table import CommitId, TableSpec
from headwater.values import frozen

__all__ = ["IcebergLog", "Publication"]

PREVIOUS_METADATA: Final = 10


@frozen
class Publication:
    """What a snapshot is made of. ``name`` is the staging folder's, ``removed`` what is taken out."""

    name: str
    schema: IcebergSchema
    last_id: int
    spec: TableSpec
    partitioning: PartitionSpec
    files: Sequence[DataFile]
    operation: str
    commit: CommitId | None
    at: datetime
    removed: Sequence[ManifestEntry] = ()


class IcebergLog:
    """One table's metadata, read when another writer changed it and otherwise kept."""

    def __init__(self, folder: Path, row: CatalogRow) -> None:
        self._folder = folder
        self._row = row
        self._location: str | None = None
        self._metadata: Metadata | None = None
        self._manifests: dict[int, ManifestSet] = {}
        self._entries = ManifestSet.empty()

    def metadata(self) -> Metadata | None:
        """The newest metadata; None when the table does not exist. Raises TerminalError when it is damaged."""
        location = self._row.metadata_location()
        if location != self._location:
            metadata = None if location is None else read(Path(location.removeprefix("file://")))
            if metadata is not None and Path(metadata["location"].removeprefix("file://")) != self._folder:
                raise UsageError(
                    f"the Iceberg catalog has {self._folder.parent.name}.{self._folder.name} in another lake",
                    detail=f"it lies in {metadata['location']}, not in {self._folder}",
                    hint="a workspace that was moved or copied: move it back, or delete the environment's work folder "
                    "and run again; two environments: give each a catalog, environments.<name>.lake.catalog",
                )
            self._metadata, self._location = metadata, location
        return self._metadata

    def manifests(self, snapshot: Mapping[str, Any] | None) -> ManifestSet:
        if snapshot is None:
            return self._entries
        number = snapshot["snapshot-id"]
        if number not in self._manifests:
            self._manifests[number] = self._entries.read(snapshot["manifest-list"].removeprefix("file://"))
        return self._manifests[number]

    def publish(self, publication: Publication, base: Metadata | None) -> bool:
        """Make a snapshot on top of ``base`` and swap it in; False when another writer was faster."""
        metadata = self._described(publication, base)
        folder = self._folder / "metadata"
        make_folder(folder)
        snapshot_id, parent = new_snapshot_id(), current_snapshot(metadata)
        known = self.manifests(parent)
        writing = ManifestWriting(
            folder, f"{publication.name}-{fresh_name()[:8]}", snapshot_id, current_schema(metadata)
        )
        removed = list(known.live()) if publication.operation == "replace" else list(publication.removed)
        manifests = writing.added(publication.files, publication.partitioning)
        if removed:
            manifests += writing.moved(ManifestEntryStatus.DELETED, removed, specs(metadata))
            gone = {entry.data_file.file_path for entry in removed}
            kept = [entry for entry in known.live() if entry.data_file.file_path not in gone]
            manifests += writing.moved(ManifestEntryStatus.EXISTING, kept, specs(metadata))
        else:
            manifests += writing.merged(known, specs(metadata))
        manifest_list = writing.close(
            manifests, None if parent is None else parent["snapshot-id"], metadata["last-sequence-number"] + 1
        )
        summary = _summary(publication, removed, parent)
        changed = with_snapshot(metadata, snapshot_id, manifest_list, summary, publication.at)
        if not self.swap(changed):
            writing.discard(manifest_list)
            return False
        self._manifests = {snapshot_id: ManifestSet(manifests, self._entries.cache)}
        return True

    def swap(self, metadata: Metadata) -> bool:
        """Write a metadata file and make it the current one; False when another writer was faster."""
        old = self._location
        previous = self._metadata["last-updated-ms"] if self._metadata is not None else 0
        log = list(metadata["metadata-log"])
        if old is not None:
            log.append({"metadata-file": old, "timestamp-ms": previous})
        dropped, log = log[:-PREVIOUS_METADATA], log[-PREVIOUS_METADATA:]
        metadata = {**metadata, "metadata-log": log}
        number = 0 if old is None else int(Path(old).name.partition("-")[0]) + 1
        path = self._folder / "metadata" / f"{number:05}-{fresh_name()}.metadata.json"
        create_exclusively(path, json.dumps(metadata, separators=(",", ":")).encode())
        if not self._row.swap(old, str(path)):
            remove_file(path)
            return False
        self._location, self._metadata = str(path), metadata
        for entry in dropped:
            remove_file(Path(entry["metadata-file"].removeprefix("file://")))
        return True

    def remove_unreferenced(self, name: str, area: StagingArea) -> int:
        """Delete what a crashed commit published, unless the table has it after all; returns the files deleted."""
        staged, published = area.files(name)
        metadata = self.metadata()
        live: set[str] = set()
        for snapshot in metadata["snapshots"] if published and metadata is not None else ():
            live.update(entry.data_file.file_path for entry in self.manifests(snapshot).live())
        orphans = [path for path in published if str(path) not in live]
        for path in orphans:
            path.unlink()
        if orphans or not published:
            for path in (self._folder / "metadata").glob(f"*{name}*.avro"):
                path.unlink()
        return len(staged) if not published else len(orphans)

    def forget(self) -> None:
        """Take the table out of the catalog."""
        self._row.delete()
        self._location = self._metadata = None
        self._manifests, self._entries = {}, ManifestSet.empty()

    def _described(self, publication: Publication, base: Metadata | None) -> Metadata:
        spec = publication.spec
        if base is None:
            metadata = create(str(self._folder), publication.schema, publication.last_id, publication.partitioning)
        else:
            metadata = with_schema(base, publication.schema, publication.last_id)
        if partition_fields(metadata) != spec.partition_by:
            metadata = with_spec(metadata, spec.partition_by)
        properties = dict(spec.properties)
        if spec.description is not None:
            properties["comment"] = spec.description
        if publication.commit is not None:
            properties[epoch_property(publication.commit)] = str(publication.commit.epoch)
        return with_properties(metadata, properties)


def _summary(
    publication: Publication, removed: Sequence[ManifestEntry], parent: Mapping[str, Any] | None
) -> Mapping[str, str]:
    """What a snapshot did, and what the table holds after it (table spec v2, "Optional Snapshot Summary Fields")."""
    before = parent["summary"] if parent is not None else {}
    gone = [entry.data_file for entry in removed]
    changes = {
        "data-files": (len(publication.files), len(gone)),
        "records": (_records(publication.files), _records(gone)),
        "files-size": (_size(publication.files), _size(gone)),
    }
    operations = {"append": "append", "merge": "overwrite", "compact": "replace"}
    operations["replace"] = "overwrite" if parent else "append"
    summary = {"operation": operations[publication.operation]}
    for what, (added, deleted) in changes.items():
        removed_name = "removed-files-size" if what == "files-size" else f"deleted-{what}"
        summary[f"added-{what}"] = str(added)
        summary[removed_name] = str(deleted)
        summary[f"total-{what}"] = str(int(before.get(f"total-{what}", 0)) + added - deleted)
    summary |= {f"total-{what}": "0" for what in ("delete-files", "position-deletes", "equality-deletes")}
    summary["headwater.operation"] = publication.operation
    if publication.commit is not None:
        summary["headwater.relation"] = str(publication.commit.relation)
        summary["headwater.fingerprint"] = publication.commit.fingerprint
        summary["headwater.epoch"] = str(publication.commit.epoch)
    return summary


def _records(files: Sequence[DataFile]) -> int:
    return sum(file.record_count for file in files)


def _size(files: Sequence[DataFile]) -> int:
    return sum(file.file_size_in_bytes for file in files)
