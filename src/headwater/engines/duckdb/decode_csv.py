"""CSV files into a work relation.

The quick way is DuckDB's parallel reader, all columns as text, cast in the same
pass; the row number in the result is the record number. When it refuses a file, the
careful way cuts the records one by one (:mod:`headwater.engines.duckdb.csv_records`),
sets the faulty ones aside and gives DuckDB the fields of the rest, each record with its number.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from headwater.engines.duckdb.casts import Cast, TimeFormats, cast_text, refusal
from headwater.engines.duckdb.csv_records import CsvDialect, CsvRecord, cut_records, max_record_bytes
from headwater.engines.duckdb.feeding import batch_records, fed
from headwater.engines.duckdb.landing import Base, Landing, RejectList
from headwater.engines.duckdb.records import open_lines, text_of
from headwater.engines.duckdb.text import auxiliary, literal_list
from headwater.errors import DataError
from headwater.spi.codec import FileScan, ScanFile
from headwater.spi.engine import Landed
from headwater.types import quote_text
from headwater.values import frozen

if TYPE_CHECKING:
    import pyarrow

__all__ = ["decode_csv"]

tiny_files: Final = 100
tiny_bytes: Final = 8 * 1024
"""More files than this, smaller than this on average, are read one after the other sooner than in parallel."""


@frozen
class Layout:
    """What the files of a group have in common: column names, and the lines up to the first record.

    ``odd`` files end the lines after their header in another way, which DuckDB's reader takes as they come.
    """

    columns: tuple[str, ...]
    skip: int
    odd: bool = False


@frozen
class CsvScan:
    """A scan made ready: its dialect, and its files by layout (as indexes; empty files are left out)."""

    scan: FileScan
    dialect: CsvDialect
    groups: Mapping[Layout, Sequence[int]]

    @property
    def encoding(self) -> str:
        return str(self.scan.options.get("encoding", "utf-8")).lower().replace("_", "-").replace("utf8", "utf-8")

    @property
    def suits_duckdb(self) -> bool:
        """Whether DuckDB's reader is right about these files: of one column it reads some empty lines twice."""
        return not any(layout.odd or len(layout.columns) == 1 for layout in self.groups)

    @property
    def formats(self) -> TimeFormats:
        timestamp, date = self.scan.options.get("timestamp_format"), self.scan.options.get("date_format")
        return TimeFormats(None if timestamp is None else str(timestamp), None if date is None else str(date))

    def lines(self, file: ScanFile) -> AbstractContextManager[Iterator[bytes]]:
        return open_lines(file, self.scan.options.get("compression"), self.encoding)


def decode_csv(landing: Landing, scan: FileScan) -> Landed:
    """Decode CSV files as :meth:`headwater.spi.engine.Session.land` promises.

    Raises:
        DataError: a file cannot be read, or lacks a required column.
    """
    ready = _prepare(landing, scan)
    names = tuple(file.name for file in scan.files)
    base, rejects = None, RejectList()
    if ready.encoding == "utf-8" and not _are_tiny(scan) and ready.suits_duckdb:
        base = _quick(landing, ready)
    if base is None:
        base = _careful(landing, ready, rejects)
    refused = landing.work.count(base.name, "refused IS NOT NULL")
    if not refused:
        return landing.finish(base, names, rejects, 0)
    base = replace(base, raw=auxiliary(landing.name, "texts"))
    _find_texts(landing, ready, base, landing.refused(base, names))
    landed = landing.finish(base, names, rejects, refused)
    landing.work.drop(auxiliary(landing.name, "texts"))
    return landed


def _are_tiny(scan: FileScan) -> bool:
    return len(scan.files) > tiny_files and sum(file.size for file in scan.files) < tiny_bytes * len(scan.files)


def _prepare(landing: Landing, scan: FileScan) -> CsvScan:
    groups: dict[Layout, list[int]] = defaultdict(list)
    ready = CsvScan(scan, CsvDialect.of(scan), groups)
    for index, file in enumerate(scan.files):
        layout = Layout(landing.schema.names, 0) if not ready.dialect.header else _layout(ready, file)
        if layout is not None:
            groups[layout].append(index)
    return ready


def _layout(ready: CsvScan, file: ScanFile) -> Layout | None:
    """Read a file's header; None when the file has no record at all."""
    with ready.lines(file) as lines:
        taken = 0

        def counted() -> Iterator[bytes]:
            nonlocal taken
            for line in lines:
                taken += 1
                yield line

        header = next((each for each in cut_records(counted(), ready.dialect, 2) if each.raw.strip()), None)
        if header is None:
            return None
        skip, odd = taken, b"\r" in next(lines, b"").rstrip(b"\r\n")
    text = text_of(header.raw)
    if ready.dialect.quote:
        try:
            row = next(csv.reader([text], delimiter=ready.dialect.delimiter, quotechar=ready.dialect.quote))
        except csv.Error as error:
            raise DataError(
                f"the header of {file.name} cannot be read",
                detail=str(error).partition(" - ")[0],
                hint="check 'header', 'delimiter' and 'encoding' of the source, and whether the file is CSV at all",
            ) from error
    else:
        row = text.split(ready.dialect.delimiter)
    return Layout(tuple(name.strip() for name in row), skip, odd)


def _casts(landing: Landing, ready: CsvScan, layout: Layout, where: str) -> list[Cast]:
    """How each declared column is made from the header's; ``h0``, ``h1`` ... are the columns read."""
    places: dict[str, int] = {}
    for place, name in enumerate(layout.columns):
        folded = name.casefold()
        if folded in places and landing.schema.get(name) is not None:
            raise DataError(f"{where} has the column '{name}' twice", hint="rename one of them in the file's header")
        places[folded] = place
    if not any(column.name.casefold() in places for column in landing.schema):
        raise DataError(
            f"{where} has none of the declared columns",
            detail=f"its first line reads as: {', '.join(layout.columns[:20])}",
            hint="check 'delimiter' and 'header' of the source, and its columns",
        )
    return [
        cast_text(f"h{places[column.name.casefold()]}", column, ready.formats)
        if column.name.casefold() in places
        else landing.absent(column, where)
        for column in landing.schema
    ]


def _quick(landing: Landing, ready: CsvScan) -> Base | None:
    """Let DuckDB read all files at once; None when it refuses any of them."""
    many = len(ready.scan.files) > 1
    queries: list[str] = []
    for layout, indexes in ready.groups.items():
        files = [ready.scan.files[index] for index in indexes]
        casts = _casts(landing, ready, layout, files[0].name)
        made = [f"{cast.value} AS c{place}" for place, cast in enumerate(casts)]
        made.append(f"{refusal(casts)} AS refused")
        if many:
            made.append(f"{_file_number(indexes, len(ready.scan.files))} AS file")
        queries.append(f"SELECT {', '.join(made)} FROM {_read(ready, layout, files)}")
    if not queries:
        return landing.empty_base()
    total = landing.work.attempt(landing.base, " UNION ALL ".join(queries))
    return None if total is None else Base(landing.base, total, filed=many)


def _read(ready: CsvScan, layout: Layout, files: Sequence[ScanFile]) -> str:
    """DuckDB's reader over files of one layout; the columns are texts named ``h0``, ``h1`` ..."""
    dialect, compression = ready.dialect, ready.scan.options.get("compression")
    columns = ", ".join(f"h{place}: 'VARCHAR'" for place in range(len(layout.columns)))
    given = f", compression = {quote_text(str(compression))}" if compression else ""
    return (
        f"read_csv({literal_list(file.path for file in files)}, columns = {{{columns}}}, auto_detect = false, "
        f"header = false, skip = {layout.skip}, delim = {quote_text(dialect.delimiter)}, "
        f"quote = {quote_text(dialect.quote)}, escape = {quote_text(dialect.escape)}, "
        f"nullstr = {literal_list(('', *dialect.nulls))}, strict_mode = true, "
        f"max_line_size = {max_record_bytes}{given})"
    )


def _file_number(indexes: Sequence[int], files: int) -> str:
    """SQL for a file's place in the scan, from its place among the files that are read together."""
    if len(indexes) == files:
        return "CAST(file_index AS INTEGER)"
    return f"list_extract(CAST({list(indexes)} AS INTEGER[]), CAST(file_index + 1 AS BIGINT))"


def _careful(landing: Landing, ready: CsvScan, rejects: RejectList) -> Base:
    """Cut every record, set the faulty aside, and let DuckDB cast the fields of the others."""
    import pyarrow

    arrow = auxiliary(landing.name, "records")
    layouts: list[tuple[Layout, list[Cast]]] = []
    for layout, indexes in ready.groups.items():
        layouts.append((layout, _casts(landing, ready, layout, ready.scan.files[indexes[0]].name)))
    base: Base | None = None
    for layout, casts in layouts:
        places = [place for place, name in enumerate(layout.columns) if landing.schema.get(name) is not None]
        texts = [(f"h{place}", pyarrow.string()) for place in places]
        schema = pyarrow.schema([("file", pyarrow.int32()), ("record", pyarrow.int64()), *texts])
        rows = _good_records(ready, layout, rejects)
        with fed(landing.work, arrow, schema, _batches(rows, places, schema)):
            query = _cast_query(casts, places, ready, arrow)
            base = landing.extend(base, query)
    return base or landing.empty_base()


def _good_records(ready: CsvScan, layout: Layout, rejects: RejectList) -> Iterator[tuple[int, int, Sequence[bytes]]]:
    """File, number and fields of each good record; the others go to ``rejects``."""
    for index in ready.groups[layout]:
        for number, record in _numbered(ready, layout, index):
            if record.fault is None:
                yield index, number, record.fields
            else:
                rejects.add(index, number, text_of(record.raw), record.fault.code, record.fault.message)


def _numbered(ready: CsvScan, layout: Layout, index: int) -> Iterator[tuple[int, CsvRecord]]:
    with ready.lines(ready.scan.files[index]) as lines:
        yield from enumerate(cut_records(islice(lines, layout.skip, None), ready.dialect, len(layout.columns)), 1)


def _batches(
    rows: Iterator[tuple[int, int, Sequence[bytes]]], places: Sequence[int], schema: pyarrow.Schema
) -> Iterator[pyarrow.RecordBatch]:
    """Records as Arrow, of each only the fields at ``places``."""
    import pyarrow

    while taken := list(islice(rows, batch_records)):
        files, numbers, records = zip(*taken, strict=True)
        columns = [files, numbers, *([fields[place] for fields in records] for place in places)]
        arrays = [pyarrow.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
        yield pyarrow.record_batch(arrays, schema=schema)


def _cast_query(casts: Sequence[Cast], places: Sequence[int], ready: CsvScan, arrow: str) -> str:
    """A query that casts the texts in ``arrow`` into a base."""
    nulls = ", ".join(quote_text(null) for null in ("", *ready.dialect.nulls))
    texts = [f"CASE WHEN h{place} NOT IN ({nulls}) THEN h{place} END AS h{place}" for place in places]
    made = [f"{cast.value} AS c{place}" for place, cast in enumerate(casts)]
    made += [f"{refusal(casts)} AS refused", "file", "record"]
    return f"SELECT {', '.join(made)} FROM (SELECT {', '.join(['file', 'record', *texts])} FROM {arrow})"


def _find_texts(landing: Landing, ready: CsvScan, base: Base, refused: pyarrow.Table) -> None:
    """Read the refused records' texts from the files again, into the relation that the base names."""
    import pyarrow

    arrow = auxiliary(landing.name, "found")
    schema = pyarrow.schema([("file", pyarrow.int32()), ("record", pyarrow.int64()), ("raw", pyarrow.large_string())])
    with fed(landing.work, arrow, schema, _text_batches(ready, refused, schema)):
        landing.work.create(base.raw or arrow, f"SELECT file, record, raw FROM {arrow}")


def _text_batches(ready: CsvScan, refused: pyarrow.Table, schema: pyarrow.Schema) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow

    rows = _refused_records(ready, refused)
    while taken := list(islice(rows, batch_records)):
        arrays = [
            pyarrow.array(values, kind) for values, kind in zip(zip(*taken, strict=True), schema.types, strict=True)
        ]
        yield pyarrow.record_batch(arrays, schema=schema)


def _refused_records(ready: CsvScan, refused: pyarrow.Table) -> Iterator[tuple[int, int, str]]:
    from pyarrow import compute

    layouts = {index: layout for layout, indexes in ready.groups.items() for index in indexes}
    files = refused.column("file").combine_chunks()
    for index in files.unique().to_pylist():
        wanted = set(refused.filter(compute.equal(files, index)).column("record").to_pylist())
        for number, record in _numbered(ready, layouts[index], index):
            if number in wanted:
                yield index, number, text_of(record.raw)
