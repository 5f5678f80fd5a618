"""What DuckDB raises becomes an error whose type decides exit code and retry."""

from __future__ import annotations

import duckdb
import pytest

from headwater.engines.duckdb.failures import streamed, wrapped
from headwater.errors import (
    DataError,
    DeclarationError,
    HeadwaterError,
    OutsideError,
    TerminalError,
    TransientError,
    UsageError,
)


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (
            duckdb.IOException(
                'IO Error: Could not set lock on file "/w/s.db": Conflicting lock is held in python (PID 77).'
            ),
            UsageError,
            "the state is in use by process 77\n"
            '  Could not set lock on file "/w/s.db": Conflicting lock is held in python (PID 77).\n'
            "  hint: wait until it ends, or end it, then run again",
        ),
        (
            duckdb.Error("Corrupt database file: computed checksum 1 does not match stored checksum 2"),
            TerminalError,
            "the state file is damaged\n"
            "  Corrupt database file: computed checksum 1 does not match stored checksum 2\n"
            "  hint: restore it from a backup, or delete it and run again: tables are built anew from their sources",
        ),
        (
            duckdb.IOException('IO Error: Could not write file "x": No space left on device'),
            TransientError,
            "computing x failed: no space is left for spilled data\n"
            '  Could not write file "x": No space left on device\n'
            "  hint: free disk space, or name another folder in the environment's settings: temp_directory",
        ),
        (
            duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block of size 1 KiB"),
            OutsideError,
            "computing x failed: out of memory\n"
            "  could not allocate block of size 1 KiB\n"
            "  hint: raise memory_limit or lower threads in the environment's settings",
        ),
        (
            duckdb.PermissionException('Permission Error: Cannot access file "/etc/passwd"'),
            UsageError,
            "computing x failed: the file lies outside the folders the engine may use\n"
            '  Cannot access file "/etc/passwd"\n'
            "  hint: add the folder to the environment's settings: allowed_directories",
        ),
        (
            duckdb.ConversionException("Conversion Error: no number\n\nLINE 1: SELECT secret"),
            DataError,
            "computing x failed on the data\n  no number",
        ),
        (
            duckdb.Error("don't know what type: "),
            DataError,
            "computing x failed: a file that is read is damaged inside\n"
            "  don't know what type:\n"
            "  hint: write the newest files of its sources again; another Parquet reader tells which it is",
        ),
        (
            duckdb.BinderException("Binder Error: no column\n\nLINE 1: SELECT x"),
            DeclarationError,
            "computing x failed: the engine refuses the query\n  no column",
        ),
        (
            duckdb.BinderException("Binder Error: no such +\n" + "\n".join(f"candidate {n}" for n in range(1, 51))),
            DeclarationError,
            "computing x failed: the engine refuses the query\n"
            "  no such +\n  candidate 1\n  candidate 2\n  candidate 3\n  candidate 4\n  candidate 5\n  ... and 45 more",
        ),
        (
            duckdb.InternalException("INTERNAL Error: oops"),
            TerminalError,
            "computing x failed inside the engine\n  oops",
        ),
        (duckdb.IOException("IO Error: cannot open"), TransientError, "computing x failed\n  cannot open"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_every_failure_is_translated(raised: duckdb.Error, kind: type[HeadwaterError], text: str) -> None:
    with pytest.raises(HeadwaterError) as caught, wrapped("computing x"):
        raise raised
    assert (type(caught.value), str(caught.value)) == (kind, text)
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Conversion Error: no number", DataError),
        ("Out of Memory Error: no block", OutsideError),
        ("IO Error: No space left on device", TransientError),
        ("something else", TerminalError),
    ],
)
def test_failures_of_streams_are_known_by_their_text(text: str, kind: type[HeadwaterError]) -> None:
    assert type(streamed("a query", text)) is kind


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), wrapped("computing x"):
        raise KeyError
