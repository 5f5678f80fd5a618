"""What a file's name says: its record format and its compression.

Apart because paths in declarations, files found and members of archives are
all read the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["compression_of", "record_format_of"]

_compressions: Final[Mapping[str, str]] = {"gz": "gzip", "zst": "zstd", "zip": "zip"}

_formats: Final[Mapping[str, str]] = {
    "csv": "csv",
    "txt": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "ndjson": "ndjson",
    "jsonl": "ndjson",
    "json": "ndjson",
    "parquet": "parquet",
    "pq": "parquet",
    "arrow": "arrow",
    "arrows": "arrow",
    "feather": "arrow",
}


def compression_of(name: str) -> str | None:
    """The compression that a name's last ending stands for.

    >>> compression_of("data/flights.csv.gz")
    'gzip'
    """
    return _compressions.get(name.rpartition(".")[2].lower())


def record_format_of(name: str) -> str | None:
    """The record format that a name stands for, its compression left aside; ``tsv`` is CSV with tabs.

    >>> record_format_of("data/*.csv.zip"), record_format_of("data/*")
    ('csv', None)
    """
    if compression_of(name) is not None:
        name = name.rpartition(".")[0]
    return _formats.get(name.rpartition(".")[2].lower()) if "." in name else None
