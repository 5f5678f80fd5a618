"""Compaction and expiry of a Parquet table; the caller holds the table's lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from headwater.formats.tables.arrowfiles import write_data
from headwater.formats.tables.datafiles import DataFile, Part
from headwater.formats.tables.parquet.log import Log, Version
from headwater.formats.tables.parquet.publish import start_generation
from headwater.formats.tables.parquet.rows import batches_of
from headwater.formats.tables.storage import make_folder, remove_tree, rename
from headwater.spi.table import MaintenancePolicy, MaintenanceReport

__all__ = ["maintain"]


def maintain(log: Log, policy: MaintenancePolicy, now: datetime) -> MaintenanceReport:
    """Merge small files into a new generation, then delete generations whose versions all expired."""
    before = sum(len(version.files) for version in log.current)
    _compact(log, policy.target_file_bytes, now)
    expired, freed = _expire(log, policy, now)
    return MaintenanceReport(before, sum(len(version.files) for version in log.current), expired, freed)


def _compact(log: Log, target_bytes: int, now: datetime) -> None:
    versions = log.current
    files = [(log.path_of(version, file), file) for version in versions for file in version.files]
    small, large = _small_files(files, target_bytes)
    if not small:
        return
    newest = versions[-1]
    number = newest.number + 1
    draft = log.folder / "staging" / f"compact-{number}"
    remove_tree(draft)
    make_folder(draft)
    spec = newest.spec
    rows = batches_of([Part(path, file.size, file.partition) for path, file in small], spec)
    merged = write_data(rows, draft, spec.schema, spec.partition_by, target_bytes=target_bytes)
    written = [file for file, _ in merged]
    version = Version(
        number=number,
        generation=number,
        operation="compact",
        committed_at=max(now, newest.committed_at),
        commit=None,
        spec=spec,
        files=(*(file for _, file in large), *written),
        epochs=newest.epochs,
    )
    sources = {file.path: path for path, file in large} | {file.path: draft / file.path for file in written}
    start_generation(log, version, sources)
    remove_tree(draft)


def _small_files(
    files: Sequence[tuple[Path, DataFile]], target_bytes: int
) -> tuple[list[tuple[Path, DataFile]], list[tuple[Path, DataFile]]]:
    """The files worth merging (two or more below half the target in one partition), and the rest."""
    by_partition: dict[tuple[tuple[str, str | None], ...], list[tuple[Path, DataFile]]] = defaultdict(list)
    large: list[tuple[Path, DataFile]] = []
    for path, file in files:
        if file.size * 2 < target_bytes:
            by_partition[tuple(sorted(file.partition.items()))].append((path, file))
        else:
            large.append((path, file))
    small: list[tuple[Path, DataFile]] = []
    for group in by_partition.values():
        (small if len(group) > 1 else large).extend(group)
    return small, large


def _expire(log: Log, policy: MaintenancePolicy, now: datetime) -> tuple[int, int]:
    generations = {number: log.generation(number) for number in log.generations()}
    everything = [version for versions in generations.values() for version in versions]
    protected = {version.number for version in everything[-policy.keep_versions :]} if policy.keep_versions else set()
    current = log.current[0].generation
    expired = freed = 0
    for number, versions in generations.items():
        if number == current or any(v.number in protected or v.committed_at > now - policy.keep for v in versions):
            continue
        expired += len(versions)
        condemned = log.folder / "staging" / f"expired-{number}"
        make_folder(condemned.parent)
        rename(log.generation_folder(number), condemned)  # whole or not at all; a crash leaves it to the sweep
        freed += remove_tree(condemned)
    return expired, freed
