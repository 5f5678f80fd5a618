"""CSV records, cut out of lines one by one, and what is wrong with those that are no records.

DuckDB's parallel reader is used for files without fault; this one decides for
all others which bytes are a record, so that every record is either decoded or
refused, once. Both must agree on what a good record is; a test holds them together.

A record is what RFC 4180 says, and also: spaces may stand around a quoted field,
a quote inside an unquoted field is text, empty fields may follow the last column.
A quoted field that is never closed costs the line it began on, not the rest of the file.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from headwater.spi.codec import FileScan
from headwater.values import frozen

__all__ = ["CsvDialect", "CsvRecord", "Fault", "cut_records", "max_record_bytes"]

max_record_bytes: Final = 16 * 1024 * 1024
"""A longer record is refused: a guard against a quote that opens and never closes."""


@frozen
class CsvDialect:
    """How the files are written. ``nulls`` are texts that mean NULL, besides the empty field."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    header: bool = True
    nulls: tuple[str, ...] = ()

    @staticmethod
    def of(scan: FileScan) -> CsvDialect:
        """The dialect that a scan's options describe."""
        options = scan.options
        quote = str(options.get("quote", '"'))
        null = options.get("null")
        nulls = tuple(str(each) for each in null) if isinstance(null, list) else () if null is None else (str(null),)
        return CsvDialect(
            delimiter=str(options.get("delimiter", ",")),
            quote=quote,
            escape=str(options.get("escape", quote)),
            header=options.get("header", True) is not False,
            nulls=nulls,
        )


class Fault(NamedTuple):
    """Why bytes are no record: a code for the quarantine, and a sentence."""

    code: str
    message: str


class CsvRecord(NamedTuple):
    """The bytes of a record without its line end, and its fields; ``fault`` is None for a good one."""

    raw: bytes
    fields: Sequence[bytes]
    fault: Fault | None


line_end: Final = Fault("line_end", "a carriage return stands outside quotes")


def cut_records(lines: Iterator[bytes], dialect: CsvDialect, width: int) -> Iterator[CsvRecord]:
    """Every record of a file, header excluded by the caller; blank lines are none where ``width`` > 1."""
    cutter = _Cutter(lines, dialect, width)
    quote, delimiter = dialect.quote.encode(), dialect.delimiter.encode()
    for line in cutter:
        body = _without_end(line)
        if not body and width > 1:
            continue
        if quote and quote in body:
            yield cutter.quoted(line)
            continue
        fields = body.split(delimiter)
        fault = line_end if b"\r" in body else cutter.fault_of(body, fields)
        yield CsvRecord(body, fields, fault)


def _without_end(line: bytes) -> bytes:
    if line.endswith(b"\n"):
        line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
    elif line.endswith(b"\r"):
        line = line[:-1]
    return line


@dataclass(slots=True)
class _Cutter:
    """Lines with push-back, and the patterns of a dialect."""

    lines: Iterator[bytes]
    dialect: CsvDialect
    width: int
    nulls: frozenset[bytes] = frozenset()
    _back: deque[bytes] = field(default_factory=deque)
    _opens: re.Pattern[bytes] = field(init=False)
    _closes: re.Pattern[bytes] = field(init=False)
    _plain: re.Pattern[bytes] = field(init=False)
    _ends: re.Pattern[bytes] = field(init=False)
    _escaped: re.Pattern[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.nulls = frozenset(null.encode() for null in ("", *self.dialect.nulls))
        delimiter = re.escape(self.dialect.delimiter.encode())
        # Without quotes no line reaches the patterns for them: any character does.
        quote = re.escape(self.dialect.quote.encode() or b'"')
        escape = re.escape(self.dialect.escape.encode() or b'"')
        self._opens = re.compile(rb" *" + quote)
        if quote == escape:
            self._closes = re.compile(rb"[^Q]*(?:QQ[^Q]*)*Q(?!Q)".replace(b"Q", quote))
        else:
            self._closes = re.compile(rb"[^QE]*(?:E(?s:.)[^QE]*)*Q".replace(b"E", escape).replace(b"Q", quote))
        self._escaped = re.compile(escape + rb"(.)", re.DOTALL)
        self._plain = re.compile(rb"(?:(?!" + delimiter + rb")[^\r\n])*")
        self._ends = re.compile(rb" *(?:(" + delimiter + rb")|\r?\n?\Z)")

    def __iter__(self) -> Iterator[bytes]:
        while True:
            line = self._next()
            if line is None:
                return
            yield line

    def _next(self) -> bytes | None:
        return self._back.popleft() if self._back else next(self.lines, None)

    def fault_of(self, raw: bytes, fields: Sequence[bytes]) -> Fault | None:
        """What is wrong with a record whose quotes are right."""
        count = len(fields)
        if count < self.width:
            return Fault("too_few_columns", f"{count} columns instead of {self.width}")
        if count > self.width and not all(each in self.nulls for each in fields[self.width :]):
            return Fault("too_many_columns", f"{count} columns instead of {self.width}")
        if len(raw) > max_record_bytes:
            return Fault("record_too_long", f"the record is longer than {max_record_bytes} bytes")
        if not raw.isascii():
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as error:
                return Fault("invalid_encoding", f"byte {error.start + 1} of the record is not valid text")
        return None

    def quoted(self, first: bytes) -> CsvRecord:
        """The record that begins with a line in which a quote stands."""
        lines = [first]
        fields = self._fields(lines)
        if isinstance(fields, Fault):
            self._back.extendleft(reversed(lines[1:]))
            return CsvRecord(_without_end(first), (), fields)
        raw = _without_end(b"".join(lines))
        return CsvRecord(raw, fields, self.fault_of(raw, fields))

    def _fields(self, lines: list[bytes]) -> list[bytes] | Fault:
        """Walk the fields, taking further lines into ``lines`` while a quoted field is open."""
        line, at = lines[0], 0
        fields: list[bytes] = []
        while True:
            opened = self._opens.match(line, at)
            if opened is not None:
                closed = self._close(lines, opened.end())
                if closed is None:
                    return Fault("unclosed_quote", "a quoted field is not closed")
                value, at = closed
                line = lines[-1]
            else:
                plain = self._plain.match(line, at)
                value = plain[0] if plain else b""
                at += len(value)
            fields.append(value)
            end = self._ends.match(line, at)
            if end is None:
                return line_end if opened is None else Fault("unquoted_value", "text follows a closing quote")
            if end[1] is None:
                return fields
            at = end.end()

    def _close(self, lines: list[bytes], at: int) -> tuple[bytes, int] | None:
        """The value of a quoted field that begins at ``at`` of the last line, and the place behind its quote."""
        size = sum(map(len, lines))
        parts: list[bytes] = []
        while True:
            closed = self._closes.match(lines[-1], at)
            if closed is not None:
                parts.append(lines[-1][at : closed.end() - 1])
                return self._escaped.sub(rb"\1", b"".join(parts)), closed.end()
            parts.append(lines[-1][at:])
            following = self._next() if size <= max_record_bytes else None
            if following is None:
                return None
            lines.append(following)
            size += len(following)
            at = 0
