"""What the footers of Parquet files say that follow others of their kind: whether their columns are the same.

Apart from decoding because the engine is asked for the first files only. Asking it is a statement, and counting
is another: an epoch of few rows has not many more.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from headwater.spi.codec import FileScan
from headwater.types import Schema

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

__all__ = ["Footers"]

most_files: Final = 64
"""Files of a scan beyond which the engine reads the footers, on all its threads."""


class Footers:
    """Remembers the columns that the engine found in the files of a relation."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Schema]] = {}

    def read(self, name: str, scan: FileScan) -> tuple[Schema, int] | None:
        """The columns and the number of rows of the files; None where the engine must be asked."""
        if name not in self._known:
            return None
        shape, schema = self._known[name]
        footers = _footers(scan)
        if footers is None or any(_shape(footer) != shape for footer in footers):
            return None
        return schema, sum(footer.num_rows for footer in footers)

    def remember(self, name: str, scan: FileScan, schema: Schema) -> None:
        """The engine found these columns in the files, which are alike or not."""
        footers = _footers(scan)
        shapes = set() if footers is None else {_shape(footer) for footer in footers}
        if len(shapes) == 1:
            self._known[name] = (shapes.pop(), schema)


def _footers(scan: FileScan) -> list[FileMetaData] | None:
    """The footers, where what reads them is loaded already: that takes longer than a hundred statements."""
    if "pyarrow.parquet" not in sys.modules or len(scan.files) > most_files:
        return None
    import pyarrow
    from pyarrow.parquet import read_metadata

    try:
        return [read_metadata(file.path) for file in scan.files]
    except (OSError, pyarrow.ArrowException):  # the engine says what is wrong with a file
        return None


def _shape(footer: FileMetaData) -> str:
    """All that names and types of a file's columns are told by: the tree of its schema, and what writers add to it."""
    _, _, tree = str(footer.schema).partition("\n")
    return f"{tree}\n{footer.metadata}"
