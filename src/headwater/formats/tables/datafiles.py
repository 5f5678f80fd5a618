"""Data files whose partition values stand outside: as logs keep them, and as they are handed to engines.

Parquet and Delta keep the values of identity partition columns outside the
files, in paths or in the log, so that partitioned readers see every column
once. An engine that decodes files itself would miss them; such tables are
handed over as a pyarrow dataset, see :mod:`headwater.formats.tables.arrowfiles`,
which is imported where one is needed. All others are described files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from headwater.errors import UsageError, did_you_mean
from headwater.spi.codec import FileScan, ParquetFile, Rows, ScanFile
from headwater.types import Json, Schema
from headwater.values import frozen

__all__ = ["DataFile", "Part", "scan", "select"]


@frozen
class DataFile:
    """A Parquet file as logs and outboxes keep it.

    ``path`` is relative to the folder it was written in, ``partition`` maps
    partition names, columns or derived ones, to their values' text.
    """

    path: str
    size: int
    rows: int
    partition: Mapping[str, str | None] = field(default_factory=dict)

    def to_json(self) -> Json:
        return {"path": self.path, "size": self.size, "rows": self.rows, "partition": dict(self.partition)}

    @staticmethod
    def written(file: ParquetFile) -> DataFile:
        """A file without partitions that an engine wrote."""
        return DataFile(file.name, file.size, file.rows)

    @staticmethod
    def from_json(value: Any) -> DataFile:
        return DataFile(str(value["path"]), int(value["size"]), int(value["rows"]), dict(value["partition"]))


@frozen
class Part:
    """A data file to be read, with its partition as in :class:`DataFile`."""

    path: Path
    size: int
    partition: Mapping[str, str | None] = field(default_factory=dict)


def scan(parts: Sequence[Part], schema: Schema, outside: Sequence[str], columns: Sequence[str] | None = None) -> Rows:
    """Some columns of data files; ``outside`` names the columns that are not in the files."""
    wanted = schema if columns is None else select(schema, columns)
    if not parts:
        from headwater.spi.arrow import arrow_schema

        return arrow_schema(wanted).empty_table()
    if outside:
        from headwater.formats.tables.arrowfiles import dataset

        return dataset(parts, schema, outside, columns)
    return FileScan("parquet", tuple(ScanFile(str(part.path), str(part.path), part.size) for part in parts), wanted)


def select(schema: Schema, columns: Sequence[str]) -> Schema:
    """The named columns, in the order asked for; UsageError when one does not exist."""
    found = []
    for name in columns:
        column = schema.get(name)
        if column is None:
            raise UsageError(f"the table has no column {name}", hint=did_you_mean(name, schema.names))
        found.append(column)
    return Schema(tuple(found))
