"""The connector: opens sources of kind ``files``."""

from __future__ import annotations

from collections.abc import Mapping

from headwater.connectors.files.finding import check
from headwater.connectors.files.options import FilesOptions, options_schema
from headwater.connectors.files.reader import FilesReader
from headwater.spec.declarations import Source
from headwater.spi.source import SourceContext, SourceReader
from headwater.types import Json

__all__ = ["FilesSource"]


class FilesSource:
    """Files of the workspace: CSV, NDJSON, Parquet or Arrow.

    Parallelism: the engine decodes the files of a chunk in parallel. Delivery: every
    record of every file once, files in the order of their names as they appear.
    Resume: a position names the files read; a file that was read may be deleted, not changed.
    """

    kind = "files"

    def options_schema(self) -> Mapping[str, Json]:
        return options_schema()

    def open(self, source: Source, context: SourceContext) -> SourceReader:
        options = FilesOptions.of(source)
        for pattern in options.patterns:
            check(pattern, source.where)
        return FilesReader(source, options, context)
