"""Arrow IPC files and streams: mapped and scanned where they are, copied only when types differ from the declared ones.

Apart from Arrow that a connector hands over because these rows lie in files: each has a place in one, and is there
to be read again. Buffers are believed: that they are as long as the file says is checked, what is in them is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headwater.engines.duckdb.casts import refused
from headwater.engines.duckdb.decode_arrow import casts_of, count_refused, refused_columns
from headwater.engines.duckdb.landing import Base, Landing, RejectList
from headwater.engines.duckdb.text import auxiliary
from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import DataError
from headwater.spi.codec import FileScan, ScanFile
from headwater.spi.engine import Landed
from headwater.types import Schema, quote_identifier

if TYPE_CHECKING:
    import pyarrow

__all__ = ["decode_ipc", "describe_ipc"]

record_column: Final = "#record"


def decode_ipc(landing: Landing, scan: FileScan) -> Landed:
    """Define the landed relation over the mapped files where all types agree, else over a checked copy."""
    work = landing.work
    names = tuple(file.name for file in scan.files)
    mapped: list[str] = []
    found: list[Schema] = []
    total = 0
    for place, file in enumerate(scan.files):
        mapped.append(auxiliary(landing.name, f"mapped{place}"))
        rows = _mapped(file)
        total += len(rows)
        found.append(_register(work, mapped[place], rows))
    casts = [casts_of(landing, schema, file.name) for schema, file in zip(found, scan.files, strict=True)]
    judged = next((made for made in casts if refused(made)), None)
    queries = []
    for place, name in enumerate(mapped):
        columns = [f"{cast.value} AS c{i}" for i, cast in enumerate(casts[place])]
        if judged is not None:
            columns += refused_columns(casts[place], found[place]) or [
                "CAST(NULL AS VARCHAR) AS refused",
                "NULL AS raw",
            ]
        columns += [f"CAST({place} AS INTEGER) AS file", f"{quote_identifier(record_column)} AS record"]
        queries.append(f"SELECT {', '.join(columns)} FROM {name}")
    query = " UNION ALL ".join(queries)
    if judged is None:
        work.define(landing.base, query, over=mapped)
    else:
        work.create(landing.base, query)
        for name in mapped:
            work.drop(name)
    base = Base(landing.base, total, filed=True, numbered=True)
    return landing.finish(base, names, RejectList(), count_refused(landing, judged or casts[0]))


def describe_ipc(work: WorkRelations, scan: FileScan) -> Schema:
    """The union of the files' columns by name, from their schemas alone. Raises DataError like :func:`decode_ipc`."""
    mapped = [quote_identifier(f"described{place}") for place in range(len(scan.files))]
    for name, file in zip(mapped, scan.files, strict=True):
        work.register(name, _mapped(file).slice(0, 0))
    try:
        return work.describe(" UNION ALL BY NAME ".join(f"SELECT * FROM {name}" for name in mapped))
    finally:
        for name in mapped:
            work.drop(name)


def _register(work: WorkRelations, name: str, rows: pyarrow.Table) -> Schema:
    """Make a file's rows readable, numbered from 1 in a column of their own; returns its other columns."""
    import pyarrow

    work.register(name, rows.append_column(record_column, pyarrow.arange(1, len(rows) + 1)))
    return work.describe(f"SELECT * EXCLUDE ({quote_identifier(record_column)}) FROM {name}")


def _mapped(file: ScanFile) -> pyarrow.Table:
    """A file's rows where they lie. Raises DataError when it is neither an Arrow file nor an Arrow stream."""
    import pyarrow

    try:
        source = pyarrow.memory_map(file.path)
        with source:
            is_file = source.read(6) == b"ARROW1"
            source.seek(0)
            reader = pyarrow.ipc.open_file(source) if is_file else pyarrow.ipc.open_stream(source)
            rows: pyarrow.Table = reader.read_all()
        rows.validate()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(
            f"{file.name} cannot be read as Arrow",
            detail=str(error),
            hint="write the file again, or move it out of the source's path",
        ) from error
    return rows
