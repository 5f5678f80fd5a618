"""Arrow IPC files and streams: mapped and scanned where they are, copied only when types differ from the declared ones.

Apart from Arrow that a connector hands over because these rows lie in files: each has a place in one, and is there
to be read again. Buffers are believed: that they are as long as the file says is checked, what is in them is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from headwater.engines.duckdb.casts import Cast, refused
from headwater.engines.duckdb.decode_arrow import casts_of, count_refused, refused_columns
from headwater.engines.duckdb.landing import Base, Landing, RejectList
from headwater.engines.duckdb.narrowing import KeptColumn, kept_column
from headwater.engines.duckdb.text import auxiliary
from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import DataError
from headwater.spi.codec import FileScan, ScanFile
from headwater.spi.engine import Landed
from headwater.types import DataType, Schema, quote_identifier

if TYPE_CHECKING:
    import pyarrow

__all__ = ["decode_ipc", "describe_ipc"]

record_column: Final = "#record"


def decode_ipc(landing: Landing, scan: FileScan) -> Landed:
    """Define the landed relation over the mapped files where all types agree, else over a checked copy."""
    work = landing.work
    names = tuple(file.name for file in scan.files)
    tables = [_mapped(file) for file in scan.files]
    mapped = [auxiliary(landing.name, f"mapped{place}") for place in range(len(tables))]
    found = [work.describe_arrow(rows) for rows in tables]
    casts = [casts_of(landing, schema, file.name) for schema, file in zip(found, scan.files, strict=True)]
    judged = next((made for made in casts if refused(made)), None)
    narrower = {} if judged else _narrower(landing)
    for name, rows, schema in zip(mapped, tables, found, strict=True):
        work.register(name, _numbered(_narrowed(rows, schema, narrower.values())))
    queries = []
    for place, name in enumerate(mapped):
        columns = [f"{_value(cast, found[place], narrower.get(i))} AS c{i}" for i, cast in enumerate(casts[place])]
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
    base = Base(landing.base, sum(map(len, tables)), filed=True, numbered=True, values=_shown(landing, narrower))
    return landing.finish(base, names, RejectList(), count_refused(landing, judged or casts[0]))


def _narrower(landing: Landing) -> dict[int, KeptColumn]:
    """The structures of which some members are asked for and others are not, by their places.

    A scan reads a structure with all its members whatever is asked of it; whole columns it leaves out by itself.
    """
    columns = (kept_column(column, landing.needed) for column in landing.schema)
    return {place: each for place, each in enumerate(columns) if each.type is not None and not each.is_whole}


def _value(cast: Cast, found: Schema, narrower: KeptColumn | None) -> str:
    """A column of the base, of which a file has what is kept, or nothing."""
    if narrower is not None and found.get(cast.column.name) is None:
        return f"CAST(NULL AS {narrower.type})"
    return cast.value


def _shown(landing: Landing, narrower: Mapping[int, KeptColumn]) -> tuple[str, ...] | None:
    """The columns as they were declared; None where the base has them."""
    if not narrower:
        return None
    names = [f"b.c{place}" for place in range(len(landing.schema))]
    return tuple(narrower[place].shown(name) if place in narrower else name for place, name in enumerate(names))


def _narrowed(rows: pyarrow.Table, found: Schema, narrower: Iterable[KeptColumn]) -> pyarrow.Table:
    """A file's rows with fewer members in structures, and no value copied."""
    import pyarrow

    kept = {each.column.name.casefold(): each.type for each in narrower}
    for place, name in enumerate(found.names):
        members, column = kept.get(name.casefold()), rows.column(place)
        if members is not None and pyarrow.types.is_struct(column.type):
            chunks = [_members(chunk, members) for chunk in column.chunks or [column.combine_chunks()]]
            rows = rows.set_column(place, rows.field(place).name, pyarrow.chunked_array(chunks))
    return rows


def _members(values: pyarrow.StructArray, of: DataType) -> pyarrow.StructArray:
    """Structures with the members of a type, which are among theirs."""
    import pyarrow

    kept = {field.name.casefold(): field.type for field in of.fields}
    arrays, fields = [], []
    for place, field in enumerate(values.type):
        member = kept.get(field.name.casefold())
        if member is not None:
            array = values.field(place)
            whole = not member.fields or not pyarrow.types.is_struct(field.type)
            arrays.append(array if whole else _members(array, member))
            fields.append(field.with_type(arrays[-1].type))
    if values.offset:
        return pyarrow.StructArray.from_arrays(arrays, fields=fields, mask=values.is_null())
    # Which values are there is said by the first buffer; asking for it as a mask loads pyarrow.compute, 0.1 s.
    present = values.buffers()[0]
    return pyarrow.Array.from_buffers(pyarrow.struct(fields), len(values), [present], values.null_count, 0, arrays)


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


def _numbered(rows: pyarrow.Table) -> pyarrow.Table:
    """Rows numbered from 1 in a column of their own."""
    import pyarrow

    return rows.append_column(record_column, pyarrow.arange(1, len(rows) + 1))


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
