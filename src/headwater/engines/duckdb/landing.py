"""A landing in progress: from what a decoder made to the relations that were asked for.

Apart from the decoders because all of them end the same way. A decoder makes a
*base* with the columns ``c0``, ``c1`` ... in the order of the schema, ``refused``
(what is wrong with the record; NULL for a good one) and, where they cannot be
told otherwise, further columns that :class:`Base` lists. What could not even
become a row of the base is in a :class:`RejectList`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from headwater.engines.duckdb.casts import Cast
from headwater.engines.duckdb.text import auxiliary, literal_list
from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import DataError
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN
from headwater.spi.engine import Landed
from headwater.types import Column, FieldPath, Schema, quote_identifier
from headwater.values import frozen

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Base", "Landing", "RejectList"]

reject_rows: Final = 10_000

_rejects: Final = f"raw, code, message, {SOURCE_COLUMN}, {OFFSET_COLUMN}"
_no_rejects: Final = (
    f"SELECT CAST(NULL AS VARCHAR) AS raw, '' AS code, '' AS message, '' AS {SOURCE_COLUMN}, "
    f"CAST(NULL AS BIGINT) AS {OFFSET_COLUMN} WHERE false"
)


@frozen
class Base:
    """A base: its name, how many rows it has, and which columns it has beyond the values and ``refused``.

    ``filed``: ``file``, an index into the scan's names; else there is one file.
    ``numbered``: ``record``, from 1; else the row number within the file counts.
    ``sourced``: ``source``, the name itself. ``coded``: ``code``; else the code is ``type``.
    ``raw`` names the relation (``file``, ``record``, ``raw``) with the refused texts; None: the base has ``raw``.
    ``values`` are the columns as SQL over the row ``b`` of a base that has not all of them; None: ``c0`` and so on.
    """

    name: str
    rows: int
    filed: bool = False
    numbered: bool = False
    sourced: bool = False
    coded: bool = False
    raw: str | None = None
    values: tuple[str, ...] | None = None


class RejectList:
    """Records that did not become rows, kept compact: a faulty file may have as many as a sound one has rows."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, str, str, str]] = []
        self._batches: list[pyarrow.RecordBatch] = []
        self.count = 0

    def add(self, file: int, record: int, raw: str, code: str, message: str) -> None:
        """Add a record; ``file`` is an index into the scan's names."""
        self._rows.append((file, record, raw, code, message))
        self.count += 1
        if len(self._rows) == reject_rows:
            self._flush()

    def to_arrow(self) -> pyarrow.Table:
        """All of them, with the columns ``file``, ``record``, ``raw``, ``code`` and ``message``."""
        import pyarrow

        self._flush()
        return pyarrow.Table.from_batches(self._batches, self._schema())

    def _flush(self) -> None:
        import pyarrow

        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pyarrow.array(values, kind) for values, kind in zip(columns, self._schema().types, strict=True)]
            self._batches.append(pyarrow.record_batch(arrays, schema=self._schema()))
            self._rows.clear()

    def _schema(self) -> pyarrow.Schema:
        import pyarrow

        texts = [("raw", pyarrow.large_string()), ("code", pyarrow.string()), ("message", pyarrow.string())]
        return pyarrow.schema([("file", pyarrow.int32()), ("record", pyarrow.int64()), *texts])


@frozen
class Landing:
    """What was asked for: rows under ``name`` as ``schema``, refused records under ``rejects``.

    ``needed`` are the fields that are asked for, None: all; ``readers`` is how many statements ask.
    """

    work: WorkRelations
    name: str
    rejects: str | None
    schema: Schema
    needed: Collection[FieldPath] | None = None
    readers: int = 1

    @property
    def base(self) -> str:
        return auxiliary(self.name, "base")

    def absent(self, column: Column, where: str) -> Cast:
        """NULL for a column that ``where`` lacks. Raises DataError when the column is required."""
        if not column.nullable:
            raise DataError(
                f"{where} lacks the required column '{column.name}'",
                hint="add the column to the file, or drop 'required' from its declaration",
            )
        return Cast(column, "NULL", f"CAST(NULL AS {column.type})", None)

    def empty_base(self) -> Base:
        """A base without rows."""
        columns = ", ".join(f"CAST(NULL AS {column.type}) AS c{place}" for place, column in enumerate(self.schema))
        query = f"SELECT {columns}, CAST(NULL AS VARCHAR) AS refused, 0 AS file, 0 AS record, '' AS raw WHERE false"
        return Base(self.base, self.work.create(self.base, query), filed=True, numbered=True)

    def extend(self, base: Base | None, query: str) -> Base:
        """Put a query's rows, with ``file`` and ``record``, into the base; None: there is none yet."""
        total = self.work.create(self.base, query) if base is None else self.work.insert(self.base, query)
        return Base(self.base, total, filed=True, numbered=True)

    def refused(self, base: Base, names: Sequence[str]) -> pyarrow.Table:
        """``file`` and ``record`` of the base's refused rows, in order."""
        origin = self._origin(base, names)
        query = f"SELECT {origin.file} AS file, {origin.record} AS record FROM {origin.rows}"
        return self.work.table(f"{query} WHERE b.refused IS NOT NULL ORDER BY 1, 2")

    def finish(self, base: Base, names: Sequence[str], rejects: RejectList, refused: int) -> Landed:
        """Define the landed relation over its base, and the rejects beside it.

        Args:
            refused: how many rows of the base are refused.

        Raises:
            DataError: there are rejects and nobody asked for them.
        """
        origin = self._origin(base, names)
        malformed = refused + rejects.count
        if malformed:
            self._collect(base, origin, rejects, names, refused)
        else:
            self.define_no_rejects()
        if malformed and self.rejects is None:
            raise self._first_error(malformed)
        values = base.values or [f"b.c{place}" for place in range(len(self.schema))]
        named = (quote_identifier(column.name) for column in self.schema)
        columns = ", ".join(f"{value} AS {name}" for value, name in zip(values, named, strict=True))
        where = " WHERE b.refused IS NULL" if refused else ""
        provenance = f"{origin.source} AS {SOURCE_COLUMN}, {origin.record} AS {OFFSET_COLUMN}"
        self.work.define(
            self.name,
            f"SELECT {columns}, {provenance} FROM {origin.rows}{where}",
            over=[base.name, *origin.over],
        )
        return Landed(rows=base.rows - refused, malformed=malformed, whole=base.values is None)

    def define_no_rejects(self) -> None:
        """Have the relation of rejects, without rows: its text is the same in every epoch, so that it costs nothing."""
        if self.rejects is not None:
            self.work.define(self.rejects, _no_rejects)

    def _origin(self, base: Base, names: Sequence[str]) -> _Origin:
        """How a row's provenance is told; makes the table of files where one is needed."""
        if base.sourced or not base.filed or len(names) == 1:
            record = "b.record" if base.numbered else f"b.rowid - {self._first_row(base)} + 1"
            source = "b.source" if base.sourced else self.work.variable(auxiliary(self.name, "source"), "?", names[:1])
            return _Origin(f"{base.name} AS b", "0", source, record, ())
        files = auxiliary(self.name, "files")
        if not self.work.has(files):
            self._number_files(files, base, names)
        record = "b.record" if base.numbered else "b.rowid - f.start + 1"
        return _Origin(f"{base.name} AS b JOIN {files} AS f ON f.file = b.file", "b.file", "f.name", record, (files,))

    def _first_row(self, base: Base) -> str:
        """The rowid of the base's first row: not 0 for a table made in the current transaction."""
        return str(self.work.fetch(f"SELECT min(rowid) FROM {base.name}")[0][0] or 0)

    def _number_files(self, files: str, base: Base, names: Sequence[str]) -> None:
        starts = "NULL" if base.numbered else "min(b.rowid)"
        query = f"SELECT n.file, any_value(n.name) AS name, {starts} AS start FROM {_listed(names)} AS n"
        self.work.create(files, f"{query} JOIN {base.name} AS b ON b.file = n.file GROUP BY n.file")

    def _collect(self, base: Base, origin: _Origin, rejects: RejectList, names: Sequence[str], refused: int) -> None:
        """Make the table of rejects, of which there are: records that did not become rows, and refused rows."""
        arrow = auxiliary(self.name, "rejected") if rejects.count else None
        parts = []
        if arrow is not None:
            self.work.register(arrow, rejects.to_arrow())
            parts.append(
                f"SELECT r.raw, r.code, r.message, n.name AS {SOURCE_COLUMN}, r.record AS {OFFSET_COLUMN}, "
                f"r.file AS place FROM {arrow} AS r JOIN {_listed(names)} AS n ON n.file = r.file"
            )
        if refused:
            raw, found = "b.raw", origin.rows
            if base.raw is not None:
                raw, found = (
                    "t.raw",
                    f"{found} JOIN {base.raw} AS t ON t.file = {origin.file} AND t.record = {origin.record}",
                )
            code = "b.code" if base.coded else "'type'"
            parts.append(
                f"SELECT {raw} AS raw, {code} AS code, b.refused AS message, {origin.source} AS {SOURCE_COLUMN}, "
                f"{origin.record} AS {OFFSET_COLUMN}, {origin.file} AS place FROM {found} WHERE b.refused IS NOT NULL"
            )
        together = f"SELECT {_rejects} FROM ({' UNION ALL '.join(parts)}) ORDER BY place, {OFFSET_COLUMN}"
        self.work.create(self.rejects or auxiliary(self.name, "rejects"), together)
        if arrow is not None:
            self.work.drop(arrow)

    def _first_error(self, count: int) -> DataError:
        rejects = auxiliary(self.name, "rejects")
        ((raw, message, source, record),) = self.work.fetch(
            f"SELECT raw, message, {SOURCE_COLUMN}, {OFFSET_COLUMN} FROM {rejects} LIMIT 1"
        )
        shown = raw if len(raw) <= 200 else f"{raw[:200]}..."
        return DataError(
            f"{count} record{'s' if count != 1 else ''} of {source} cannot be decoded",
            detail=f"record {record}: {message}: {shown!r}",
            hint="mend the file, or declare the columns as the file has them",
        )


def _listed(names: Sequence[str]) -> str:
    """A relation of the files' numbers and names."""
    return f"(SELECT unnest(range({len(names)})) AS file, unnest({literal_list(names)}) AS name)"


@frozen
class _Origin:
    """SQL for where a row comes from: the FROM clause, and file, source and record in it; ``over`` serves it."""

    rows: str
    file: str
    source: str
    record: str
    over: tuple[str, ...]
