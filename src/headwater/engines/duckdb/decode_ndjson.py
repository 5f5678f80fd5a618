"""NDJSON files into a work relation: one JSON object on each line, keys matched exactly.

The quick way is DuckDB's parallel reader with the declared fields pushed down,
timestamps with their zones and other scalars as text, cast in the same pass; of the
fields, those that are asked for are kept. When it refuses a file, the careful way
gives DuckDB the lines one by one as text, so that each is decoded or refused.
Numbers are read as 64-bit integers or doubles, as JSON readers do: a decimal of
more than 15 digits has to stand in quotes to be kept exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from headwater.engines.duckdb.casts import Cast, TimeFormats, cast_text, refusal, refused, zoned
from headwater.engines.duckdb.feeding import batch_records, fed
from headwater.engines.duckdb.json_values import json_value, repeats
from headwater.engines.duckdb.landing import Base, Landing, RejectList
from headwater.engines.duckdb.narrowing import KeptColumn, kept_column
from headwater.engines.duckdb.records import open_lines, text_of
from headwater.engines.duckdb.text import auxiliary, literal_list
from headwater.engines.duckdb.work import WorkRelations
from headwater.spi.codec import FileScan
from headwater.spi.engine import Landed
from headwater.types import Column, DataType, FieldPath, Schema, quote_identifier, quote_text

if TYPE_CHECKING:
    import pyarrow

__all__ = ["decode_ndjson", "decode_ndjson_ahead"]

max_line_bytes: Final = 64 * 1024 * 1024
"""A longer line is refused."""

quick_line_bytes: Final = 4 * 1024 * 1024
"""A file with a longer line is read the careful way. DuckDB's threads read pieces of twice this size: with larger
ones two threads share a file of an epoch badly, and what they hold leaves the caches (a quarter more CPU time)."""

messages: Final[Mapping[str, str]] = {
    "invalid_json": "the line is not valid JSON",
    "not_an_object": "the line is JSON, but not an object",
    "duplicate_key": "a key stands in the object twice",
}

nested: Final = frozenset({"STRUCT", "LIST", "ARRAY", "MAP"})


def decode_ndjson(landing: Landing, scan: FileScan) -> Landed:
    """Decode NDJSON files as :meth:`headwater.spi.engine.Session.land` promises.

    Raises:
        DataError: a file cannot be read to its end.
    """
    names = tuple(file.name for file in scan.files)
    if _encoding(scan) == "utf-8":
        base = _quick(landing, scan)
        if base is not None:
            return landing.finish(base, names, RejectList(), 0)
    base, rejects = _careful(landing, scan)
    return landing.finish(base, names, rejects, landing.work.count(landing.base, "refused IS NOT NULL"))


def _encoding(scan: FileScan) -> str:
    return str(scan.options.get("encoding", "utf-8")).lower().replace("_", "-").replace("utf8", "utf-8")


def _formats(scan: FileScan) -> TimeFormats:
    timestamp, date = scan.options.get("timestamp_format"), scan.options.get("date_format")
    return TimeFormats(None if timestamp is None else str(timestamp), None if date is None else str(date))


def decode_ndjson_ahead(
    work: WorkRelations, scan: FileScan, schema: Schema, needed: Collection[FieldPath] | None
) -> None:
    """Begin what :func:`decode_ndjson` will ask for."""
    if _encoding(scan) == "utf-8":
        work.ahead.begin(_quick_query(scan, schema, _kept_columns(schema, needed)))


def _quick(landing: Landing, scan: FileScan) -> Base | None:
    """Let DuckDB read all files at once; None when there is anything to refuse."""
    columns = _kept_columns(landing.schema, landing.needed)
    total = landing.work.attempt(landing.base, _quick_query(scan, landing.schema, columns))
    if total is None:
        return None
    whole = all(each.is_whole for each in columns)
    shown = None if whole else tuple(each.shown(f"b.c{at}") for at, each in enumerate(columns))
    return Base(landing.base, total, filed=len(scan.files) > 1, values=shown)


def _kept_columns(schema: Schema, needed: Collection[FieldPath] | None) -> list[KeptColumn]:
    return [kept_column(column, needed) for column in schema]


def _quick_query(scan: FileScan, schema: Schema, columns: Sequence[KeptColumn]) -> str:
    """The base of all files.

    The query fails at the first record to refuse, so that nothing has to be counted. A line that is ``null`` reads as
    a row of NULLs: the careful way tells it from an empty object.
    """
    formats = _formats(scan)
    read_as = [_read_as(column.type, formats) for column in schema]
    casts = [_quick_cast(at, each.column, read_as[at], formats) for at, each in enumerate(columns)]
    texts = [f"{quote_identifier(each.column.name)} AS t{at}" for at, each in enumerate(columns)]
    values = [f"{cast.value} AS c{at}" for at, cast in enumerate(casts)]
    made = [
        f"{each.kept(f'c{at}', read_as[at] if read_as[at].name in nested else each.column.type)} AS c{at}"
        for at, each in enumerate(columns)
        if each.type
    ]
    if len(scan.files) > 1 or not made:
        texts.append("CAST(file_index AS INTEGER) AS file")
        made.append("file")
    blank = " AND ".join(f"t{at} IS NULL" for at in range(len(columns)))
    wrong = " OR ".join(filter(None, [refused(casts), f"({blank})"]))
    read = f"SELECT {', '.join(texts)} FROM {_reader(scan, dict(zip(schema.names, read_as, strict=True)))}"
    return (
        f"SELECT {', '.join(made)} FROM (SELECT *, {', '.join(values)} FROM ({read})) "
        f"WHERE CASE WHEN {wrong} THEN error('refused') ELSE true END"
    )


def _read_as(kind: DataType, formats: TimeFormats) -> DataType:
    """As what DuckDB's reader is to read values of a type: timestamps with their zones, other scalars as text."""
    if kind.name in nested or (kind.name == "TIMESTAMP" and formats.timestamp is None):
        return zoned(kind)
    return DataType("VARCHAR")


def _reader(scan: FileScan, columns: Mapping[str, DataType]) -> str:
    types = ", ".join(f"{quote_text(name)}: {quote_text(str(kind))}" for name, kind in columns.items())
    compression = scan.options.get("compression")
    given = f", compression = {quote_text(str(compression))}" if compression else ""
    return (
        f"read_json({literal_list(file.path for file in scan.files)}, format = 'newline_delimited', "
        f"columns = {{{types}}}, maximum_object_size = {quick_line_bytes}{given})"
    )


def _quick_cast(at: int, column: Column, read_as: DataType, formats: TimeFormats) -> Cast:
    """How ``c<at>`` is made of ``t<at>``: a structure stays as it was read."""
    text, value = f"t{at}", f"c{at}"
    if read_as.name in nested:
        return Cast(column, text, text, None)
    if read_as.name == "VARCHAR":
        return cast_text(text, column, formats, known=value)
    # As a cast, without the calendar, which is half of its time. Infinite moments it does not make.
    return Cast(column, text, f"make_timestamp(epoch_us({text}))", f"({text} IS NOT NULL AND {value} IS NULL)")


def _careful(landing: Landing, scan: FileScan) -> tuple[Base, RejectList]:
    """Let DuckDB judge each line for itself."""
    import pyarrow

    rejects = RejectList()
    arrow = auxiliary(landing.name, "lines")
    schema = pyarrow.schema([("file", pyarrow.int32()), ("record", pyarrow.int64()), ("line", pyarrow.large_string())])
    with fed(landing.work, arrow, schema, _batches(_texts(scan, rejects), schema)):
        base = landing.extend(None, _judged(landing, scan, arrow))
    return replace(base, coded=True), rejects


def _judged(landing: Landing, scan: FileScan, arrow: str) -> str:
    """A query over lines: the base's columns, with ``code`` and ``raw`` where a line is refused."""
    columns = landing.schema.columns
    wanted = ", ".join(
        f"{quote_text(c.name)}: {quote_text('JSON' if c.type.name in nested else 'VARCHAR')}" for c in columns
    )
    casts = [_careful_cast(f"j.v{place}", column, scan) for place, column in enumerate(columns)]
    made = ", ".join(f"{cast.value} AS c{place}" for place, cast in enumerate(casts))
    values = ", ".join(f"struct_extract(s, {quote_text(c.name)}) AS v{place}" for place, c in enumerate(columns))
    kind = (
        "CASE WHEN NOT json_valid(line) THEN 'invalid_json' WHEN json_type(line) <> 'OBJECT' THEN 'not_an_object' "
        f"WHEN {repeats('line', [column.name for column in columns])} THEN 'duplicate_key' END"
    )
    said = " ".join(f"WHEN {quote_text(code)} THEN {quote_text(message)}" for code, message in messages.items())
    refused = f"CASE j.broken {said} ELSE {refusal(casts)} END"
    return (
        f"WITH l AS (SELECT file, record, line, {kind} AS broken FROM {arrow}), "
        f"d AS (SELECT *, json_transform(CASE WHEN broken IS NULL THEN line END, to_json({{{wanted}}})) AS s FROM l), "
        f"j AS (SELECT file, record, line, broken, {values} FROM d), "
        f"r AS (SELECT {made}, {refused} AS refused, file, record, broken, line FROM j) "
        "SELECT * EXCLUDE (broken, line), coalesce(broken, 'type') AS code, "
        "CASE WHEN refused IS NOT NULL THEN line END AS raw FROM r"
    )


def _careful_cast(name: str, column: Column, scan: FileScan) -> Cast:
    if column.type.name not in nested:
        return cast_text(name, column, _formats(scan))
    made = json_value(name, column.type)
    return Cast(column, f"CAST({name} AS VARCHAR)", made.value, made.misfit)


def _texts(scan: FileScan, rejects: RejectList) -> Iterator[tuple[int, int, str]]:
    """File, number and text of each line that is not blank; those that are no text go to ``rejects``."""
    for index, file in enumerate(scan.files):
        number = 0
        with open_lines(file, scan.options.get("compression"), _encoding(scan)) as lines:
            for line in lines:
                raw = line.strip(b" \t\r\n")
                if not raw:
                    continue
                number += 1
                if len(raw) > max_line_bytes:
                    message = f"the line is longer than {max_line_bytes} bytes"
                    rejects.add(index, number, text_of(raw), "record_too_long", message)
                    continue
                try:
                    yield index, number, raw.decode("utf-8")
                except UnicodeDecodeError as error:
                    message = f"byte {error.start + 1} of the line is not valid text"
                    rejects.add(index, number, text_of(raw), "invalid_encoding", message)


def _batches(rows: Iterator[tuple[int, int, str]], schema: pyarrow.Schema) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow

    while taken := list(islice(rows, batch_records)):
        arrays = [
            pyarrow.array(values, kind) for values, kind in zip(zip(*taken, strict=True), schema.types, strict=True)
        ]
        yield pyarrow.record_batch(arrays, schema=schema)
