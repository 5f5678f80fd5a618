"""Data files in manifests and manifest lists, written and read with pyiceberg's Avro (table spec v2, "Manifests")."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import (
    PyArrowFileIO,
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    read_manifest_list,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema as IcebergSchema
from pyiceberg.typedef import Record

from headwater.formats.tables.payload import damaged
from headwater.formats.tables.storage import remove_file, sync_file

__all__ = ["ManifestSet", "ManifestWriting", "data_file", "new_snapshot_id"]

MERGE_COUNT: Final = 100
_io: Final = PyArrowFileIO()


def new_snapshot_id() -> int:
    return random.SystemRandom().randrange(1, 2**63)


def data_file(path: Path, size: int, schema: IcebergSchema, spec: PartitionSpec, partition: Sequence[Any]) -> DataFile:
    """A Parquet file as a manifest describes it; counts and bounds come from its footer."""
    found = data_file_statistics_from_parquet_metadata(
        pq.read_metadata(path), compute_statistics_plan(schema, {}), parquet_path_to_id_mapping(schema)
    )
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=str(path),
        file_format=FileFormat.PARQUET,
        partition=Record(*partition),
        file_size_in_bytes=size,
        sort_order_id=None,
        spec_id=spec.spec_id,
        equality_ids=None,
        key_metadata=None,
        **found.to_serialized_dict(),
    )


class ManifestSet:
    """The manifests of one snapshot, with their entries read at most once."""

    def __init__(self, manifests: Sequence[ManifestFile], entries: dict[str, list[ManifestEntry]]) -> None:
        self.manifests = tuple(manifests)
        self._entries = entries

    @staticmethod
    def empty() -> ManifestSet:
        return ManifestSet((), {})

    def read(self, manifest_list: str) -> ManifestSet:
        """The manifests of another snapshot of the same table. Raises TerminalError when its list is damaged."""
        try:
            return ManifestSet(list(read_manifest_list(_io.new_input(manifest_list))), self._entries)
        except (OSError, ValueError, EOFError, KeyError, AssertionError) as error:
            raise damaged(manifest_list, error) from error

    @property
    def cache(self) -> dict[str, list[ManifestEntry]]:
        """The entries read so far, by manifest, for the manifest sets of other snapshots."""
        return self._entries

    @property
    def has_deletes(self) -> bool:
        """Whether another writer marked rows as deleted without rewriting their files."""
        return any(manifest.content == ManifestContent.DELETES for manifest in self.manifests)

    def entries(self, manifest: ManifestFile) -> list[ManifestEntry]:
        """The entries of a manifest, deleted ones included. Raises TerminalError when it is damaged."""
        path = manifest.manifest_path
        if path not in self._entries:
            try:
                self._entries[path] = manifest.fetch_manifest_entry(_io, discard_deleted=False)
            except (OSError, ValueError, EOFError, KeyError, AssertionError) as error:
                raise damaged(path, error) from error
        return self._entries[path]

    def live(self) -> list[ManifestEntry]:
        """The entries of all data files that the snapshot has, oldest first: lists name the newest manifest first."""
        found = [
            entry
            for manifest in self.manifests
            if manifest.content == ManifestContent.DATA
            for entry in self.entries(manifest)
            if entry.status != ManifestEntryStatus.DELETED
        ]
        return sorted(found, key=lambda entry: entry.sequence_number or 0)

    def added_by(self, snapshot_id: int) -> list[DataFile]:
        """The data files that this snapshot itself added."""
        return [
            entry.data_file
            for manifest in self.manifests
            if manifest.added_snapshot_id == snapshot_id and manifest.content == ManifestContent.DATA
            for entry in self.entries(manifest)
            if entry.status == ManifestEntryStatus.ADDED
        ]


class ManifestWriting:
    """The manifests of a snapshot in the making. File names carry ``name``, by which a sweep knows them."""

    def __init__(self, folder: Path, name: str, snapshot_id: int, schema: IcebergSchema) -> None:
        self._folder = folder
        self._name = name
        self._snapshot_id = snapshot_id
        self._schema = schema
        self._count = 0

    def added(self, files: Iterable[DataFile], spec: PartitionSpec) -> list[ManifestFile]:
        entries = [self._entry(ManifestEntryStatus.ADDED, file) for file in files]
        return self._write(entries, spec)

    def moved(
        self, status: ManifestEntryStatus, entries: Iterable[ManifestEntry], specs: Mapping[int, PartitionSpec]
    ) -> list[ManifestFile]:
        """Entries of earlier snapshots as EXISTING or DELETED, one manifest a partition spec."""
        by_spec: dict[int, list[ManifestEntry]] = defaultdict(list)
        for entry in entries:
            by_spec[entry.data_file.spec_id].append(self._entry(status, entry.data_file, entry))
        return [manifest for spec_id, group in by_spec.items() for manifest in self._write(group, specs[spec_id])]

    def merged(self, known: ManifestSet, specs: Mapping[int, PartitionSpec]) -> list[ManifestFile]:
        """The known manifests, small ones merged when there are many, so that lists stay short."""
        small = [
            manifest
            for manifest in known.manifests
            if manifest.content == ManifestContent.DATA
            and (manifest.added_files_count or 0) + (manifest.existing_files_count or 0) < MERGE_COUNT
        ]
        if len(small) < MERGE_COUNT:
            return [manifest for manifest in known.manifests if _has_files(manifest)]
        paths = {manifest.manifest_path for manifest in small}
        live = [e for manifest in small for e in known.entries(manifest) if e.status != ManifestEntryStatus.DELETED]
        kept = [m for m in known.manifests if m.manifest_path not in paths and _has_files(m)]
        return [*self.moved(ManifestEntryStatus.EXISTING, live, specs), *kept]

    def close(self, manifests: Sequence[ManifestFile], parent: int | None, sequence_number: int) -> str:
        """Write the manifest list, durably; returns its path."""
        path = self._folder / f"snap-{self._snapshot_id}-{self._name}.avro"
        output = _io.new_output(str(path))
        with write_manifest_list(2, output, self._snapshot_id, parent, sequence_number, "deflate") as writer:
            writer.add_manifests([*manifests])
        sync_file(path)
        for manifest in manifests:  # what readers of the list see
            if manifest.sequence_number == UNASSIGNED:
                manifest.sequence_number = sequence_number
            if manifest.min_sequence_number == UNASSIGNED:
                manifest.min_sequence_number = sequence_number
        return str(path)

    def discard(self, manifest_list: str) -> None:
        """Delete what was written for a snapshot that did not become current."""
        remove_file(Path(manifest_list))
        for number in range(self._count):
            remove_file(self._folder / f"{self._name}-m{number}.avro")

    def _entry(
        self, status: ManifestEntryStatus, file: DataFile, earlier: ManifestEntry | None = None
    ) -> ManifestEntry:
        return ManifestEntry.from_args(
            status=status,
            snapshot_id=earlier.snapshot_id
            if earlier and status == ManifestEntryStatus.EXISTING
            else self._snapshot_id,
            sequence_number=earlier.sequence_number if earlier else None,
            file_sequence_number=earlier.file_sequence_number if earlier else None,
            data_file=file,
        )

    def _write(self, entries: Sequence[ManifestEntry], spec: PartitionSpec) -> list[ManifestFile]:
        if not entries:
            return []
        path = self._folder / f"{self._name}-m{self._count}.avro"
        self._count += 1
        with write_manifest(2, spec, self._schema, _io.new_output(str(path)), self._snapshot_id, "deflate") as writer:
            for entry in entries:
                writer.add_entry(entry)
        sync_file(path)
        return [writer.to_manifest_file()]


UNASSIGNED: Final = -1


def _has_files(manifest: ManifestFile) -> bool:
    return manifest.content != ManifestContent.DATA or manifest.has_added_files() or manifest.has_existing_files()
