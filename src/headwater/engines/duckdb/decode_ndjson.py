"""NDJSON files into a work relation: one JSON object on each line, keys matched exactly.

The quick way is DuckDB's parallel reader with the declared fields pushed down,
scalars as text, cast in the same pass. When it refuses a file, the careful way
gives DuckDB the lines one by one as text, so that each is decoded or refused.
Numbers are read as 64-bit integers or doubles, as JSON readers do: a decimal of
more than 15 digits has to stand in quotes to be kept exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from headwater.engines.duckdb.casts import Cast, TimeFormats, cast_text, refusal
from headwater.engines.duckdb.feeding import batch_records, fed
from headwater.engines.duckdb.landing import Base, Landing, RejectList
from headwater.engines.duckdb.records import open_lines, text_of
from headwater.engines.duckdb.text import auxiliary, literal_list
from headwater.spi.codec import FileScan
from headwater.spi.engine import Landed
from headwater.types import Column, quote_identifier, quote_text

if TYPE_CHECKING:
    import pyarrow

__all__ = ["decode_ndjson"]

max_line_bytes: Final = 64 * 1024 * 1024
"""A longer line is refused. DuckDB takes lines a little longer than it is told, so it is told less."""

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


def _quick(landing: Landing, scan: FileScan) -> Base | None:
    """Let DuckDB read all files at once; None when there is anything to refuse."""
    many = len(scan.files) > 1
    casts = [
        Cast(column, name, name, None) if column.type.name in nested else cast_text(name, column, _formats(scan))
        for column, name in ((column, quote_identifier(column.name)) for column in landing.schema)
    ]
    types = ", ".join(
        f"{quote_text(column.name)}: {quote_text(str(column.type) if column.type.name in nested else 'VARCHAR')}"
        for column in landing.schema
    )
    made = [f"{cast.value} AS c{place}" for place, cast in enumerate(casts)]
    made.append(f"{refusal(casts)} AS refused")
    if many:
        made.append("CAST(file_index AS INTEGER) AS file")
    compression = scan.options.get("compression")
    given = f", compression = {quote_text(str(compression))}" if compression else ""
    query = (
        f"SELECT {', '.join(made)} FROM read_json({literal_list(file.path for file in scan.files)}, "
        f"format = 'newline_delimited', columns = {{{types}}}, maximum_object_size = {max_line_bytes // 4}{given})"
    )
    total = landing.work.attempt(landing.base, query)
    if total is None:
        return None
    # A line that is ``null`` reads as a row of NULLs: the careful way tells it from an empty object.
    nothing = " AND ".join(f"c{place} IS NULL" for place in range(len(landing.schema)))
    if landing.work.count(landing.base, f"refused IS NOT NULL OR ({nothing})"):
        landing.work.drop(landing.base)
        return None
    return Base(landing.base, total, filed=many)


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
    keys = literal_list(column.name for column in columns)
    wanted = ", ".join(
        f"{quote_text(c.name)}: {quote_text('JSON' if c.type.name in nested else 'VARCHAR')}" for c in columns
    )
    casts = [_careful_cast(f"j.v{place}", column, scan) for place, column in enumerate(columns)]
    made = ", ".join(f"{cast.value} AS c{place}" for place, cast in enumerate(casts))
    values = ", ".join(f"struct_extract(s, {quote_text(c.name)}) AS v{place}" for place, c in enumerate(columns))
    repeated = f"list_filter(json_keys(line), lambda k: list_contains({keys}, k))"
    kind = (
        "CASE WHEN NOT json_valid(line) THEN 'invalid_json' WHEN json_type(line) <> 'OBJECT' THEN 'not_an_object' "
        f"WHEN length({repeated}) <> length(list_distinct({repeated})) THEN 'duplicate_key' END"
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
    value = f"TRY(CAST({name} AS {column.type}))"
    return Cast(column, f"CAST({name} AS VARCHAR)", value, f"({name} IS NOT NULL AND {value} IS NULL)")


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
