"""Compaction and expiry of a Delta table.

Both are ordinary commits or deletions of what no kept version names: an expiry
that is interrupted leaves files that the next sweep deletes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

from headwater.errors import TransientError
from headwater.formats.tables.datafiles import Part
from headwater.formats.tables.delta.actions import add, commit_info, remove, statistics
from headwater.formats.tables.delta.log import ActiveFile, DeltaLog, Entry, Snapshot
from headwater.formats.tables.partitions import identity_columns
from headwater.formats.tables.staged import StagingArea
from headwater.formats.tables.storage import inside, remove_file
from headwater.spi.table import MaintenancePolicy, MaintenanceReport

__all__ = ["maintain", "remove_unreferenced"]


def remove_unreferenced(log: DeltaLog, area: StagingArea, name: str) -> int:
    """Delete what a crashed commit published, unless the table has it after all; returns the files deleted."""
    staged, published = area.files(name)
    if not published:
        return len(staged)
    paths = {file.path for file in log.files()}
    for entry in log.entries():
        paths.update(action["path"] for action in (*entry.added, *entry.removed))
    referenced = {log.folder / unquote(path) for path in paths}
    orphans = [path for path in published if path not in referenced]
    for path in orphans:
        _delete(path)
    return len(orphans)


def maintain(log: DeltaLog, area: StagingArea, policy: MaintenancePolicy, now: datetime) -> MaintenanceReport:
    """Merge small files in one commit, then forget versions that expired and delete what only they named."""
    before = len(log.files())
    snapshot = log.snapshot()
    if snapshot is not None:
        _compact(log, area, snapshot, policy.target_file_bytes, now)
    expired, freed = _expire(log, policy, now)
    return MaintenanceReport(before, len(log.files()), expired, freed)


def _compact(log: DeltaLog, area: StagingArea, snapshot: Snapshot, target_bytes: int, now: datetime) -> None:
    small = _small_files(log.files(), target_bytes)
    if not small:
        return
    from headwater.formats.tables.arrowfiles import dataset, write_data

    outside = identity_columns(snapshot.schema, snapshot.partition_by)
    parts = [Part(file.in_folder(log.folder), file.size, file.partition) for file in small]
    name = area.new()
    written = write_data(
        dataset(parts, snapshot.schema, outside).to_batches(),
        area.staged(name),
        snapshot.schema,
        snapshot.partition_by,
        target_bytes=target_bytes,
        compression="snappy",
    )
    newest = log.entry(snapshot.version)
    rows = None if newest is None else newest.rows
    at = now if newest is None else max(now, newest.at)
    actions = [
        commit_info("compact", None, rows, at),
        *(remove(file.path, file.size, file.partition, data_change=False) for file in small),
        *(
            add(file, f"data/{name}", statistics(footer, snapshot.schema), data_change=False)
            for file, footer in written
        ),
    ]
    area.publish(name)
    try:
        log.append(actions, replace(snapshot, version=snapshot.version + 1), None)
    except FileExistsError as error:
        remove_unreferenced(log, area, name)
        raise TransientError(
            f"another writer committed to {log.folder} during its compaction", hint="run the maintenance again"
        ) from error
    finally:
        area.discard(name)


def _small_files(files: Sequence[ActiveFile], target_bytes: int) -> list[ActiveFile]:
    """Files below half the target size, where a partition has at least two of them."""
    groups: dict[tuple[tuple[str, str | None], ...], list[ActiveFile]] = defaultdict(list)
    for file in files:
        if file.size * 2 < target_bytes:
            groups[tuple(sorted(file.partition.items()))].append(file)
    return [file for group in groups.values() if len(group) > 1 for file in group]


def _expire(log: DeltaLog, policy: MaintenancePolicy, now: datetime) -> tuple[int, int]:
    entries = list(log.entries())
    keep_from = _first_kept(entries, policy, now)
    forgotten = [entry for entry in entries if entry.version < keep_from]
    if not forgotten:
        return 0, 0
    log.checkpoint(keep_from)
    for entry in forgotten:
        log.forget(entry.version)
    _, active = log.snapshot_at(keep_from)
    needed = {unquote(file.path) for file in active}
    needed |= {unquote(action["path"]) for entry in entries if entry.version > keep_from for action in entry.added}
    known = {
        unquote(action["path"])
        for entry in entries
        if entry.version <= keep_from
        for action in (*entry.added, *entry.removed)
    }
    return len(forgotten), sum(_delete(inside(log.folder, path)) for path in sorted(known - needed))


def _delete(path: Path) -> int:
    """Delete a data file, and its folder when it was the last one there; returns the bytes freed."""
    freed = remove_file(path)
    with suppress(OSError):  # other files are in it
        path.parent.rmdir()
    return freed


def _first_kept(entries: Sequence[Entry], policy: MaintenancePolicy, now: datetime) -> int:
    """The oldest version to keep: younger than ``keep``, or among the last ``keep_versions``."""
    newest = entries[-1].version
    young = [entry.version for entry in entries if entry.at > now - policy.keep]
    counted = entries[max(0, len(entries) - max(1, policy.keep_versions))].version
    return min([newest, counted, *young])
