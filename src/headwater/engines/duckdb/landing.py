"""A landing in progress: from what a decoder made to the relations that were asked for.

Apart from the decoders because all of them end the same way. A decoder
materialises a *base* table with the columns ``c0``, ``c1`` ... in the order of the
schema, ``refused`` (what is wrong with the record; NULL for a good one) and, where
they cannot be told otherwise, ``file`` (which file of the scan, from 0) and
``record`` (which record of it, from 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from headwater.engines.duckdb.casts import Cast
from headwater.engines.duckdb.text import auxiliary, literal
from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import DataError
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN
from headwater.spi.engine import Landed
from headwater.types import Column, Schema, quote_identifier

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Base", "Landing", "RejectList", "Rejects"]


@dataclass(frozen=True, slots=True)
class Base:
    """A materialised base: its name, how many rows it has, and which provenance columns it has itself.

    ``filed`` bases have ``file``, an index into the scan's names; others come from one file.
    ``numbered`` bases have ``record``; in others the row number within the file counts.
    ``sourced`` bases have ``source``, the name itself.
    """

    name: str
    rows: int
    filed: bool = False
    numbered: bool = False
    sourced: bool = False


@dataclass(frozen=True, slots=True)
class Rejects:
    """Records that were not admitted, column by column; ``file`` is an index into the scan's names."""

    file: Sequence[int] = ()
    record: Sequence[int] = ()
    raw: Sequence[str] = ()
    code: Sequence[str] = ()
    message: Sequence[str] = ()

    def __add__(self, other: Rejects) -> Rejects:
        return Rejects(
            [*self.file, *other.file],
            [*self.record, *other.record],
            [*self.raw, *other.raw],
            [*self.code, *other.code],
            [*self.message, *other.message],
        )

    def to_arrow(self, names: Sequence[str]) -> pyarrow.Table:
        """The table of rejects as :meth:`headwater.spi.engine.Session.land` describes it."""
        import pyarrow

        columns = {
            "raw": pyarrow.array(self.raw, pyarrow.large_string()),
            "code": pyarrow.array(self.code, pyarrow.string()),
            "message": pyarrow.array(self.message, pyarrow.string()),
            SOURCE_COLUMN: pyarrow.array([names[index] for index in self.file], pyarrow.string()),
            OFFSET_COLUMN: pyarrow.array(self.record, pyarrow.int64()),
        }
        return pyarrow.table(columns).take(pyarrow.array(self._order(), pyarrow.int64()))

    def _order(self) -> list[int]:
        return sorted(range(len(self.record)), key=lambda place: (self.file[place], self.record[place]))


class RefusedRow(NamedTuple):
    """A row of a base that is not admitted because of its values."""

    file: int
    record: int
    message: str
    raw: str
    source: str | None


class RejectList:
    """Rejects while they are being found."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, str, str, str]] = []

    def add(self, file: int, record: int, raw: str, code: str, message: str) -> None:
        self._rows.append((file, record, raw, code, message))

    def done(self) -> Rejects:
        return Rejects(*map(list, zip(*self._rows, strict=True))) if self._rows else Rejects()


@dataclass(frozen=True, slots=True)
class Landing:
    """What was asked for: rows under ``name`` as ``schema``, refused records under ``rejects``."""

    work: WorkRelations
    name: str
    rejects: str | None
    schema: Schema

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
        query = f"SELECT {columns}, CAST(NULL AS VARCHAR) AS refused, 0 AS file, 0 AS record WHERE false"
        return Base(self.base, self.work.create(self.base, query), filed=True, numbered=True)

    def extend(self, base: Base | None, query: str) -> Base:
        """Put a query's rows, with ``file`` and ``record``, into the base; None: there is none yet."""
        total = self.work.create(self.base, query) if base is None else self.work.insert(self.base, query)
        return Base(self.base, total, filed=True, numbered=True)

    def refused(self, base: Base, raw: str = "''") -> Sequence[RefusedRow]:
        """The base's refused rows, in order; ``raw`` is SQL for the record's text, where the base keeps it."""
        file = "b.file" if base.filed else "0"
        first = f"(SELECT min(s.rowid) FROM {base.name} AS s WHERE s.file = b.file)"
        start = first if base.filed else self._first_row(base)
        record = "b.record" if base.numbered else f"b.rowid - {start} + 1"
        source = "b.source" if base.sourced else "NULL"
        found = self.work.fetch(
            f"SELECT {file}, {record}, b.refused, {raw}, {source} FROM {base.name} AS b "
            "WHERE b.refused IS NOT NULL ORDER BY 1, 2"
        )
        return [RefusedRow(*row) for row in found]

    def finish(self, base: Base, names: Sequence[str], rejects: Rejects) -> Landed:
        """Define the landed relation over its base, and the rejects beside it.

        Raises:
            DataError: there are rejects and nobody asked for them.
        """
        malformed = len(rejects.record)
        good = base.rows - self.work.count(base.name, "refused IS NOT NULL") if malformed else base.rows
        if malformed and self.rejects is None:
            raise refusal_error(rejects, names)
        files = auxiliary(self.name, "files")
        over = [base.name]
        if base.sourced:
            source, start, join = "b.source", "0", ""
        elif not base.filed or len(names) == 1:
            source, start, join = literal(names[0]), self._first_row(base), ""
        else:
            self._number_files(files, base, names)
            over.append(files)
            source, start = "f.name", "f.start"
            join = f" JOIN {files} AS f ON f.file = b.file"
        offset = "b.record" if base.numbered else f"b.rowid - {start} + 1"
        columns = ", ".join(f"b.c{i} AS {quote_identifier(column.name)}" for i, column in enumerate(self.schema))
        where = " WHERE b.refused IS NULL" if malformed else ""
        self.work.define(
            self.name,
            f"SELECT {columns}, {source} AS {SOURCE_COLUMN}, {offset} AS {OFFSET_COLUMN} "
            f"FROM {base.name} AS b{join}{where}",
            over=over,
        )
        if self.rejects is not None:
            self.work.register(self.rejects, rejects.to_arrow(names))
        return Landed(rows=good, malformed=malformed)

    def _first_row(self, base: Base) -> str:
        """The rowid of the base's first row: not 0 for a table made in the current transaction."""
        if base.numbered:
            return "0"
        return str(self.work.fetch(f"SELECT min(rowid) FROM {base.name}")[0][0] or 0)

    def _number_files(self, files: str, base: Base, names: Sequence[str]) -> None:
        import pyarrow

        arrow = auxiliary(self.name, "names")
        self.work.register(arrow, pyarrow.table({"file": range(len(names)), "name": list(names)}))
        starts = "NULL" if base.numbered else "min(b.rowid)"
        self.work.create(
            files,
            f"SELECT n.file, any_value(n.name) AS name, {starts} AS start "
            f"FROM {arrow} AS n JOIN {base.name} AS b ON b.file = n.file GROUP BY n.file",
        )
        self.work.drop(arrow)


def refusal_error(rejects: Rejects, names: Sequence[str]) -> DataError:
    """The error for records that cannot be decoded where none are allowed; shows the first."""
    count = len(rejects.record)
    raw = rejects.raw[0]
    shown = raw if len(raw) <= 200 else f"{raw[:200]}..."
    return DataError(
        f"{count} record{'s' if count != 1 else ''} of {names[rejects.file[0]]} cannot be decoded",
        detail=f"record {rejects.record[0]}: {rejects.message[0]}: {shown!r}",
        hint="mend the file, or declare the columns as the file has them",
    )
