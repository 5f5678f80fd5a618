"""Record batches into Parquet files that no reader knows of yet.

All table formats stage alike: rows are split by partition, gathered into row
groups, encoded on worker threads while the next rows are produced, and the
files are synced before their names are told. Memory is bounded by the gathered
rows and one row group a worker, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.formats.tables.partitions import PartitionKey
from headwater.formats.tables.storage import fresh_name, make_folder, sync_file, sync_folder
from headwater.values import frozen

__all__ = ["Layout", "WrittenFile", "write_files"]

ROW_GROUP_ROWS: Final = 1_000_000
ROW_GROUP_BYTES: Final = 64 * 1024 * 1024
GATHERED_BYTES: Final = 128 * 1024 * 1024
TARGET_FILE_BYTES: Final = 256 * 1024 * 1024
WORKERS: Final = 2
OPEN_FILES: Final = 64


@frozen
class Layout:
    """How rows become files below ``folder``.

    ``keys`` computes a batch's partition values, ``subfolder`` names a
    partition's folder, ``columns`` are what is written of a batch (with field
    ids in their metadata, where the format has them).
    """

    folder: Path
    columns: pa.Schema
    keys: Callable[[pa.RecordBatch], Sequence[pa.Array]] = lambda _: ()
    subfolder: Callable[[PartitionKey], str] = lambda _: ""
    compression: str = "zstd"
    target_bytes: int = TARGET_FILE_BYTES


@frozen
class WrittenFile:
    """A finished, synced file: ``path`` is relative to the layout's folder; ``footer`` is its Parquet metadata."""

    path: str
    size: int
    rows: int
    key: PartitionKey
    footer: pq.FileMetaData


def write_files(batches: Iterable[pa.RecordBatch], layout: Layout) -> list[WrittenFile]:
    """Write batches (of the columns the keys need, at least ``layout.columns``); returns the finished files.

    Empty input makes no file. An error leaves files behind that nothing refers to.
    """
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="encode") as pool:
        stage = _Stage(layout, pool)
        for batch in batches:
            stage.add(batch)
        return stage.finish()


@dataclass(slots=True)
class _Gathered:
    """Rows of one partition that wait to become a row group."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0
    size: int = 0


class _Stage:
    """Gathers rows by partition and hands whole row groups to idle workers."""

    def __init__(self, layout: Layout, pool: ThreadPoolExecutor) -> None:
        self._layout = layout
        self._pool = pool
        self._gathered: dict[PartitionKey, _Gathered] = {}
        self._size = 0
        self._idle: dict[PartitionKey, list[_File]] = {}
        self._busy: dict[Future[None], _File] = {}
        self._finished: list[WrittenFile] = []

    def add(self, batch: pa.RecordBatch) -> None:
        for key, part in _split(batch, self._layout.keys(batch)) if batch.num_rows else ():
            gathered = self._gathered.setdefault(key, _Gathered())
            rows = part.select(self._layout.columns.names)
            gathered.batches.append(rows)
            gathered.rows += rows.num_rows
            gathered.size += rows.nbytes
            self._size += rows.nbytes
            if gathered.rows >= ROW_GROUP_ROWS or gathered.size >= ROW_GROUP_BYTES:
                self._encode(key)
        while self._size > GATHERED_BYTES:
            self._encode(max(self._gathered, key=lambda key: self._gathered[key].size))

    def finish(self) -> list[WrittenFile]:
        for key in list(self._gathered):
            self._encode(key)
        while self._busy:
            self._settle()
        for files in self._idle.values():
            for file in files:
                self._finished.append(file.close())
        for folder in {self._layout.folder, *((self._layout.folder / file.path).parent for file in self._finished)}:
            if folder.exists():
                sync_folder(folder)
        return self._finished

    def _encode(self, key: PartitionKey) -> None:
        gathered = self._gathered.pop(key)
        self._size -= gathered.size
        while len(self._busy) >= WORKERS:
            self._settle()
        files = self._idle.get(key)
        file = files.pop() if files else _File(self._layout, key)
        rows = pa.Table.from_batches(gathered.batches, self._layout.columns)
        self._busy[self._pool.submit(file.write, rows)] = file

    def _settle(self) -> None:
        """Wait for a worker; its file is closed when it is large enough or too many are open."""
        done, _ = wait(self._busy, return_when=FIRST_COMPLETED)
        for future in done:
            file = self._busy.pop(future)
            future.result()
            open_files = sum(map(len, self._idle.values()))
            if file.size >= self._layout.target_bytes or open_files >= OPEN_FILES:
                self._finished.append(file.close())
            else:
                self._idle.setdefault(file.key, []).append(file)


class _File:
    """One Parquet file being written; used by one thread at a time."""

    def __init__(self, layout: Layout, key: PartitionKey) -> None:
        self.key = key
        self._folder = layout.folder
        self._path = self._folder / layout.subfolder(key) / f"{fresh_name()}.parquet"
        make_folder(self._path.parent)
        self._sink = pa.OSFile(str(self._path), "wb")
        self._rows = 0
        self._footers: list[pq.FileMetaData] = []
        self._writer = pq.ParquetWriter(
            self._sink,
            layout.columns,
            compression=layout.compression,
            store_schema=False,
            metadata_collector=self._footers,
        )

    @property
    def size(self) -> int:
        return int(self._sink.tell())

    def write(self, rows: pa.Table) -> None:
        self._rows += rows.num_rows
        self._writer.write_table(rows, row_group_size=rows.num_rows)

    def close(self) -> WrittenFile:
        self._writer.close()
        self._sink.close()
        sync_file(self._path)
        relative = self._path.relative_to(self._folder).as_posix()
        return WrittenFile(relative, self._path.stat().st_size, self._rows, self.key, self._footers[0])


def _split(batch: pa.RecordBatch, keys: Sequence[pa.Array]) -> Iterator[tuple[PartitionKey, pa.RecordBatch]]:
    """The batch in parts of equal keys, in order of first appearance of a key; row order is kept inside a part."""
    if not keys:
        yield (), batch
        return
    encodings = [key.dictionary_encode(null_encoding="encode") for key in keys]
    codes = encodings[0].indices.cast(pa.int64())
    for encoded in encodings[1:]:
        codes = pc.add(pc.multiply(codes, len(encoded.dictionary)), encoded.indices.cast(pa.int64()))
    counts = codes.value_counts().field("counts").to_pylist()
    order = pc.sort_indices(codes.dictionary_encode().indices)
    ordered = batch if len(counts) == 1 else batch.take(order)
    start = 0
    for count in counts:
        first = order[start].as_py()
        yield (
            tuple(encoded.dictionary[encoded.indices[first].as_py()].as_py() for encoded in encodings),
            ordered.slice(start, count),
        )
        start += count
