"""Compaction and expiry of an Iceberg table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pyiceberg.manifest import ManifestEntry

from headwater.errors import TransientError
from headwater.formats.tables.iceberg.commits import IcebergLog, Publication
from headwater.formats.tables.iceberg.manifests import data_file
from headwater.formats.tables.iceberg.metadata import (
    Metadata,
    current_schema,
    current_snapshot,
    current_spec,
    moment_of,
    partition_fields,
    without_snapshots,
)
from headwater.formats.tables.iceberg.partitioning import partition_keys
from headwater.formats.tables.iceberg.reading import Reading
from headwater.formats.tables.iceberg.types import arrow_with_ids, schema_from_iceberg
from headwater.formats.tables.staged import StagingArea
from headwater.formats.tables.staging import Layout, write_files
from headwater.formats.tables.storage import remove_file
from headwater.spi.arrow import conform
from headwater.spi.table import MaintenancePolicy, MaintenanceReport, TableSpec

__all__ = ["maintain"]


def maintain(
    log: IcebergLog, area: StagingArea, reading: Reading, policy: MaintenancePolicy, now: datetime
) -> MaintenanceReport:
    """Merge small files in one snapshot, then forget snapshots that expired and delete what only they had."""
    before = len(_live(log))
    _compact(log, area, reading, policy.target_file_bytes, now)
    expired, freed = _expire(log, policy, now)
    return MaintenanceReport(before, len(_live(log)), expired, freed)


def _live(log: IcebergLog) -> list[ManifestEntry]:
    metadata = log.metadata()
    return [] if metadata is None else log.manifests(current_snapshot(metadata)).live()


def _compact(log: IcebergLog, area: StagingArea, reading: Reading, target_bytes: int, now: datetime) -> None:
    metadata, small = log.metadata(), _small_files(_live(log), target_bytes)
    if metadata is None or not small:
        return
    if log.manifests(current_snapshot(metadata)).has_deletes:
        return
    schema, spec = current_schema(metadata), current_spec(metadata)
    columns = arrow_with_ids(schema.fields)
    files = [entry.data_file for entry in small]
    name = area.new()
    layout = Layout(
        folder=area.staged(name),
        columns=columns,
        keys=lambda batch: partition_keys(batch, spec, schema),
        target_bytes=target_bytes,
    )
    stored = schema_from_iceberg(schema)
    written = write_files((conform(b, columns) for b in reading.batches(metadata, schema, files, stored)), layout)
    folder = area.publish(name)
    publication = Publication(
        name=name,
        schema=schema,
        last_id=metadata["last-column-id"],
        spec=TableSpec(stored, partition_fields(metadata)),
        partitioning=spec,
        files=[data_file(folder / file.path, file.size, schema, spec, file.key) for file in written],
        operation="compact",
        commit=None,
        at=now,
        removed=small,
    )
    committed = log.publish(publication, metadata)
    if not committed:
        log.remove_unreferenced(name, area)
    area.discard(name)
    if not committed:
        raise TransientError(
            "another writer committed to the table during its compaction", hint="run the maintenance again"
        )


def _small_files(entries: Sequence[ManifestEntry], target_bytes: int) -> list[ManifestEntry]:
    """Files below half the target size, where a partition has at least two of them."""
    groups: dict[tuple[Any, ...], list[ManifestEntry]] = defaultdict(list)
    for entry in entries:
        file = entry.data_file
        if file.file_size_in_bytes * 2 < target_bytes:
            key = tuple(file.partition[position] for position in range(len(file.partition)))
            groups[(file.spec_id, *key)].append(entry)
    return [entry for group in groups.values() if len(group) > 1 for entry in group]


def _expire(log: IcebergLog, policy: MaintenancePolicy, now: datetime) -> tuple[int, int]:
    metadata = log.metadata()
    if metadata is None:
        return 0, 0
    snapshots = metadata["snapshots"]
    kept_anyway = {s["snapshot-id"] for s in snapshots[-max(1, policy.keep_versions) :]}
    kept_anyway |= {ref["snapshot-id"] for ref in metadata.get("refs", {}).values()}
    expired = [s for s in snapshots if s["snapshot-id"] not in kept_anyway and moment_of(s) <= now - policy.keep]
    if not expired:
        return 0, 0
    ids = frozenset(snapshot["snapshot-id"] for snapshot in expired)
    kept = [snapshot for snapshot in snapshots if snapshot["snapshot-id"] not in ids]
    unneeded = _files_of(log, expired) - _files_of(log, kept)
    if not log.swap(without_snapshots(metadata, ids, now)):
        raise TransientError(
            "another writer committed to the table during its maintenance", hint="run the maintenance again"
        )
    return len(expired), sum(_delete(Path(path.removeprefix("file://"))) for path in sorted(unneeded))


def _files_of(log: IcebergLog, snapshots: Sequence[Metadata]) -> set[str]:
    """All files that some snapshots need: manifest lists, manifests and live data files."""
    paths = set()
    for snapshot in snapshots:
        manifests = log.manifests(snapshot)
        paths.add(snapshot["manifest-list"])
        paths.update(manifest.manifest_path for manifest in manifests.manifests)
        paths.update(entry.data_file.file_path for entry in manifests.live())
    return paths


def _delete(path: Path) -> int:
    """Delete a file, and its folder when it was the last one there; returns the bytes freed."""
    freed = remove_file(path)
    with suppress(OSError):  # other files are in it
        path.parent.rmdir()
    return freed
