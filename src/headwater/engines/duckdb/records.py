"""Opening record files as byte streams of UTF-8 lines, whatever compression and encoding they have.

Apart from the record formats because the careful decoders of CSV and NDJSON
both read lines this way.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from headwater.errors import DataError
from headwater.spi.codec import ScanFile
from headwater.types import Json

__all__ = ["open_lines", "text_of"]

_BOM = b"\xef\xbb\xbf"


@contextmanager
def open_lines(file: ScanFile, compression: Json, encoding: str) -> Iterator[Iterator[bytes]]:
    """The lines of a file, terminators included, as UTF-8 (undecodable bytes stay invalid), without byte order mark.

    Raises:
        DataError: the file is gone, or its compressed stream is damaged.
    """
    try:
        with _open(file, compression) as stream:
            if encoding == "utf-8":
                yield _lines(stream)
            else:
                with io.TextIOWrapper(stream, encoding, errors="surrogateescape", newline="\n") as text:
                    yield _lines(line.encode("utf-8", "surrogateescape") for line in text)
    except (EOFError, zlib.error, OSError, UnicodeError) as error:
        raise DataError(
            f"{file.name} cannot be read to its end",
            detail=str(error),
            hint="the file is incomplete or damaged: write it again, or move it out of the source's path",
        ) from error


def text_of(raw: bytes) -> str:
    r"""Bytes as text that always exists: invalid ones are shown as ``\xNN``.

    >>> text_of(b"caf\xe9")
    'caf\\xe9'
    """
    return raw.decode("utf-8", "backslashreplace")


def _open(file: ScanFile, compression: Json) -> BinaryIO:
    match compression or _suffix(file.path):
        case "gzip" | "gz":
            return cast("BinaryIO", gzip.open(file.path, "rb"))
        case "zstd" | "zst":
            import pyarrow

            return cast("BinaryIO", io.BufferedReader(pyarrow.input_stream(file.path, compression="zstd"), 1 << 18))
        case _:
            return open(file.path, "rb", buffering=1 << 18)  # noqa: PTH123 - the buffer matters


def _suffix(path: str) -> str:
    return path.rpartition(".")[2].lower()


def _lines(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Split at newlines; a file that has none, but carriage returns, is split at those."""
    for number, line in enumerate(stream):
        if number == 0:
            line = line.removeprefix(_BOM)  # noqa: PLW2901
            if b"\r" in line and b"\n" not in line:
                yield from line.splitlines(keepends=True)
                continue
        yield line
