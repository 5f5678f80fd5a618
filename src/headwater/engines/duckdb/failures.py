"""What DuckDB raises, as the errors headwater raises.

Apart, so that no other module needs to know the driver's exceptions: every call
into DuckDB stands inside :func:`wrapped`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import duckdb

from headwater.errors import (
    DataError,
    DeclarationError,
    HeadwaterError,
    OutsideError,
    TerminalError,
    TransientError,
    UsageError,
)

__all__ = ["streamed", "summary", "wrapped"]

_kinds: Final[Mapping[str, type[duckdb.Error]]] = {
    "Conversion": duckdb.ConversionException,
    "Constraint": duckdb.ConstraintException,
    "Invalid Input": duckdb.InvalidInputException,
    "Out of Range": duckdb.OutOfRangeException,
    "Out of Memory": duckdb.OutOfMemoryException,
    "IO": duckdb.IOException,
}

_lock = re.compile(r"Could not set lock on file .*?(?:\(PID (?P<pid>\d+)\)|$)", re.DOTALL)
_damaged = re.compile(
    r"not a valid DuckDB database|[Cc]orrupt|checksum|failed to deserialize|Failure while replaying WAL", re.DOTALL
)
_newer = re.compile(r"newer version of DuckDB|version number \d+, but we can only read", re.DOTALL)
_full = re.compile(r"No space left|disk is full|max_temp_directory_size|failed to offload", re.IGNORECASE)

_unreadable = re.compile(
    r"don't know what type|TProtocolException|TTransport|[Ss]nappy|ZSTD|GZIP|[Dd]ecompress|[Pp]arquet page|page header"
)

_most_lines: Final = 6


@contextmanager
def wrapped(doing: str) -> Iterator[None]:
    """Turn what DuckDB raises inside into a HeadwaterError; ``doing`` completes "... failed"."""
    try:
        yield
    except duckdb.Error as error:
        raise _translate(doing, error) from error


def streamed(doing: str, text: str) -> HeadwaterError:
    """The error for what DuckDB says while a result is being read: there only its text arrives."""
    kind, colon, rest = text.partition(" Error: ")
    rest = rest.split("\n\nLINE ")[0].strip() if colon else text
    return _translate(doing, _kinds.get(kind, duckdb.Error)(rest))


def summary(error: duckdb.Error) -> str:
    """The first paragraph of DuckDB's message, without its prefix and without the query's text."""
    text = str(error).split("\n\nLINE ")[0].strip()
    return re.sub(r"^[A-Z][A-Za-z -]* Error: ", "", text)


def _shortened(text: str) -> str:
    """The first lines: an operator has fifty candidates."""
    first, more = text.splitlines()[:_most_lines], len(text.splitlines()) - _most_lines
    return "\n".join([*first, f"... and {more} more"] if more > 0 else first)


def _translate(doing: str, error: duckdb.Error) -> HeadwaterError:
    text = summary(error)
    if known := _storage(doing, error, text):
        return known
    match error:
        case duckdb.ParserException() | duckdb.BinderException() | duckdb.CatalogException() | duckdb.SyntaxException():
            return DeclarationError(f"{doing} failed: the engine refuses the query", detail=_shortened(text))
        case duckdb.PermissionException():
            return UsageError(
                f"{doing} failed: the file lies outside the folders the engine may use",
                detail=text,
                hint="add the folder to the environment's settings: allowed_directories",
            )
        case duckdb.DataError() | duckdb.InvalidInputException() | duckdb.ConstraintException():
            return DataError(f"{doing} failed on the data", detail=text)
        case duckdb.IOException() | duckdb.TransactionException() | duckdb.HTTPException():
            return TransientError(f"{doing} failed", detail=text)
        case _:
            return TerminalError(f"{doing} failed inside the engine", detail=text)


def _storage(doing: str, error: duckdb.Error, text: str) -> HeadwaterError | None:
    if held := _lock.search(text):
        who = f"process {held['pid']}" if held["pid"] else "another process"
        return UsageError(
            f"the state is in use by {who}",
            detail=text,
            hint="wait until it ends, or end it, then run again",
        )
    if _newer.search(text):
        return TerminalError("the state was written by a newer version", detail=text, hint="upgrade headwater")
    if _full.search(text):
        return TransientError(
            f"{doing} failed: no space is left for spilled data",
            detail=text,
            hint="free disk space, or name another folder in the environment's settings: temp_directory",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return OutsideError(
            f"{doing} failed: out of memory",
            detail=text,
            hint="raise memory_limit or lower threads in the environment's settings",
        )
    if _damaged.search(text):
        return TerminalError(
            "the state file is damaged",
            detail=text,
            hint="restore it from a backup, or delete it and run again: tables are built anew from their sources",
        )
    return _file(doing, text)


def _file(doing: str, text: str) -> HeadwaterError | None:
    if _unreadable.search(text):
        return DataError(
            f"{doing} failed: a file that is read is damaged inside",
            detail=text,
            hint="write the newest files of its sources again; another Parquet reader tells which it is",
        )
    return None
