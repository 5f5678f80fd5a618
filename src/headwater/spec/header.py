"""``MODEL (...)`` headers: what a model file says about itself above its query.

Apart from the SQL parser because the header is no SQL: a tokenizer of its own
gives exact places, collects all errors of a header, and is quick enough for
workspaces of thousands of models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn, TypeVar, cast, get_args

from headwater.errors import DeclarationError, did_you_mean
from headwater.spec.declarations import OutputKind, PartitionField
from headwater.spec.text import FileText

__all__ = ["KEYS", "Header", "Token", "parse_header"]

Item = TypeVar("Item")

OUTPUTS: Final[tuple[str, ...]] = get_args(OutputKind)
TRANSFORMS: Final = ("identity", "year", "month", "day", "hour", "bucket")
KEYS: Final[Mapping[str, str]] = {
    "name": "the relation's name; default: the file's name",
    "output": f"where the result lives: {', '.join(OUTPUTS)}; default: the environment's lake format",
    "grain": "the columns that identify a row: `(window_start, origin)`",
    "partition_by": "columns, or `year`, `month`, `day`, `hour` of one, or `bucket(16, id)`",
    "description": "a text in single quotes",
    "tags": "words or texts: `(gold, 'for finance')`",
    "renames": "columns that got a new name and keep their data: `(new = old)`",
}
"""The keys of a header, and what each means."""

_token: Final = re.compile(
    r"""(?P<space>(?:\s|--[^\n\r]*|/\*.*?\*/)+)
      | (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<number>\d+)
      | (?P<word>[^\W\d]\w*)
      | (?P<mark>[(),;=.])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_start: Final = re.compile(r"(?:\s|--[^\n\r]*|/\*.*?\*/)*(?P<model>MODEL)\b", re.DOTALL | re.IGNORECASE)


class Token(NamedTuple):
    """A token and its place; ``kind`` is text, quoted, number, word, mark, other or end."""

    kind: str
    text: str
    offset: int

    @property
    def value(self) -> str:
        """What the token stands for: quotes taken off."""
        if self.kind in ("text", "quoted"):
            quote = self.text[0]
            return self.text[1:-1].replace(quote * 2, quote)
        return self.text

    def __str__(self) -> str:
        return "the end of the file" if self.kind == "end" else f"'{self.text[:40]}'"


@dataclass(slots=True)
class Header:
    """What a header says, and where the query begins (0-based offset)."""

    query_offset: int = 0
    offset: int = 0
    name: Token | None = None
    product: Token | None = None
    output: OutputKind | None = None
    grain: tuple[str, ...] = ()
    partition_by: tuple[PartitionField, ...] = ()
    description: str | None = None
    tags: tuple[str, ...] = ()
    renames: dict[str, str] = field(default_factory=dict)


def parse_header(file: FileText) -> tuple[Header, list[DeclarationError]]:
    """Read the header of a model file; a file without one gives an empty header.

    Everything that is wrong is in the list; the header then holds what could be
    read, and where its query begins is a guess.
    """
    start = _start.match(file.text)
    if start is None:
        return Header(), []
    parser = _HeaderParser(file, start.start("model"), start.end("model"))
    parser.parse()
    return parser.header, parser.errors


class _Wrong(Exception):
    """An entry cannot be read further; the error is noted."""


class _HeaderParser:
    def __init__(self, file: FileText, offset: int, after: int) -> None:
        self._file = file
        self._at = after
        self.header = Header(offset=offset)
        self.errors: list[DeclarationError] = []
        self._taken_to = after
        self._depth = 0
        self._next = self._scan()

    def parse(self) -> None:
        if not self._take("("):
            self._note(f"expected '(' after MODEL, but found {self._next}", self._next)
            self._skip_entry()
        seen: dict[str, Token] = {}
        while self._next.text not in (")", ";") and self._next.kind != "end":
            try:
                self._entry(seen)
            except _Wrong:
                self._skip_entry()
        if not self._take(")") and not self.errors:
            self._note(f"expected ')' at the end of the MODEL header, but found {self._next}", self._next)
        if not self._take(";") and not self.errors:
            self._note(f"expected ';' after the MODEL header, but found {self._next}", self._next)
        self.header.query_offset = self._taken_to

    def _entry(self, seen: dict[str, Token]) -> None:
        key = self._next
        if key.kind != "word":
            self._fail(f"expected a key of the MODEL header, but found {key}", key, f"keys: {', '.join(KEYS)}")
        self._advance()
        name = key.text.lower()
        if name not in KEYS:
            self._fail(f"unknown key '{key.text}' in the MODEL header", key, did_you_mean(name, KEYS))
        if name in seen:
            line = self._file.line_of(seen[name].offset)
            self._fail(f"the key '{name}' stands in the MODEL header twice", key, detail=f"first in line {line}")
        seen[name] = key
        self._value(name)
        if self._take(",") or self._next.text == ")":
            return
        if self._next.text.lower() not in KEYS:
            self._fail(f"expected ',' or ')' in the MODEL header, but found {self._next}", self._next)
        self._note(f"',' is missing before {self._next} in the MODEL header", self._next)

    def _value(self, key: str) -> None:
        header = self.header
        match key:
            case "name":
                header.name = self._name()
                if self._take("."):
                    header.product, header.name = header.name, self._name()
            case "output":
                token = self._name()
                if token.value.lower() not in OUTPUTS:
                    hint = did_you_mean(token.value.lower(), OUTPUTS)
                    self._note(f"there is no output '{token.value}'", token, hint)
                header.output = cast("OutputKind", token.value.lower())
            case "grain":
                header.grain = self._columns("grain")
            case "partition_by":
                header.partition_by = self._partition_fields()
            case "description":
                header.description = self._text()
            case "tags":
                header.tags = tuple(token.value for token in self._list(self._word_or_text))
            case _:
                self._renames()

    def _columns(self, key: str) -> tuple[str, ...]:
        tokens = self._list(self._name)
        seen: set[str] = set()
        for token in tokens:
            if token.value.casefold() in seen:
                self._note(f"the column '{token.value}' stands in {key} twice", token)
            seen.add(token.value.casefold())
        return tuple(token.value for token in tokens)

    def _partition_fields(self) -> tuple[PartitionField, ...]:
        fields: list[PartitionField] = []
        for token, field_ in self._list(self._partition_field):
            if any((known.column, known.transform) == (field_.column, field_.transform) for known in fields):
                self._note(f"the same partition of '{field_.column}' stands in partition_by twice", token)
            fields.append(field_)
        return tuple(fields)

    def _partition_field(self) -> tuple[Token, PartitionField]:
        token = self._name()
        if not self._take("("):
            return token, PartitionField(token.value)
        transform = token.value.lower()
        if transform not in TRANSFORMS:
            self._note(f"there is no partition transform '{token.value}'", token, did_you_mean(transform, TRANSFORMS))
        if self._next.kind == "number":
            transform = f"{transform}[{self._buckets(token)}]"
            self._expect(",")
        elif transform == "bucket":
            self._note("bucket needs its number of buckets", self._next, "write bucket(16, column)")
        column = self._name()
        self._expect(")")
        return token, PartitionField(column.value, transform)

    def _buckets(self, transform: Token) -> int:
        number = self._advance()
        if transform.value.lower() != "bucket":
            self._note(f"the partition transform '{transform.value}' takes no number", number)
        elif not 0 < len(number.text) < 10 or int(number.text) == 0:
            self._note("the number of buckets must be between 1 and 999999999", number)
            return 1
        return int(number.text[:9])

    def _renames(self) -> None:
        for new, old in self._list(self._rename):
            if new.value in self.header.renames:
                self._note(f"the column '{new.value}' is renamed twice", new)
            elif new.value == old.value:
                self._note(f"the column '{new.value}' is renamed to itself", new)
            self.header.renames[new.value] = old.value

    def _rename(self) -> tuple[Token, Token]:
        new = self._name()
        self._expect("=")
        return new, self._name()

    def _list(self, item: Callable[[], Item]) -> list[Item]:
        if not self._take("("):
            return [item()]
        items: list[Item] = []
        while not self._take(")"):
            items.append(item())
            if not self._take(","):
                self._expect(")")
                break
        return items

    def _name(self) -> Token:
        if self._next.kind not in ("word", "quoted") or not self._next.value:
            self._fail(f"expected a name, but found {self._next}", self._next)
        return self._advance()

    def _word_or_text(self) -> Token:
        return self._advance() if self._next.kind == "text" else self._name()

    def _text(self) -> str:
        if self._next.kind != "text":
            self._fail(f"expected a text in single quotes, but found {self._next}", self._next)
        return self._advance().value

    def _skip_entry(self) -> None:
        """Go on behind the next comma that belongs to the header itself, or at the header's end."""
        while self._next.kind != "end" and self._next.text != ";":
            if self._depth == 1 and self._next.text == ")":
                return
            if self._advance().text == "," and self._depth == 1:
                return

    def _scan(self) -> Token:
        text = self._file.text
        while found := _token.match(text, self._at):
            self._at = found.end()
            kind = str(found.lastgroup)
            if kind != "space":
                return Token(kind, found.group(), found.start())
        return Token("end", "", len(text))

    def _advance(self) -> Token:
        token = self._next
        self._depth += (token.text == "(") - (token.text == ")")
        self._next = self._scan()
        return token

    def _take(self, mark: str) -> bool:
        if self._next.kind != "mark" or self._next.text != mark:
            return False
        self._taken_to = self._next.offset + 1
        self._advance()
        return True

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            self._fail(f"expected '{mark}', but found {self._next}", self._next)

    def _note(self, message: str, token: Token, hint: str | None = None, detail: str | None = None) -> None:
        where = self._file.at_offset(token.offset)
        self.errors.append(DeclarationError(message, hint=hint, detail=detail, where=where))

    def _fail(self, message: str, token: Token, hint: str | None = None, detail: str | None = None) -> NoReturn:
        self._note(message, token, hint, detail)
        raise _Wrong
