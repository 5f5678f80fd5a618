"""Names, column types, schemas and row counts that every layer speaks in.

They stand at the root, without pyarrow and without an engine, because the pure
layers (spec, sql, quality, incremental, plan) need them and may import neither.
The text form of a type is DuckDB's, which is the authoring dialect's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from headwater.values import frozen

__all__ = [
    "Column",
    "Counts",
    "DataType",
    "FieldPath",
    "Json",
    "RelationName",
    "Schema",
    "TypeSyntaxError",
    "quote_identifier",
    "quote_text",
    "type_names",
]

type_aliases: Final[Mapping[str, str]] = {
    "BOOL": "BOOLEAN",
    "INT1": "TINYINT",
    "INT2": "SMALLINT",
    "SHORT": "SMALLINT",
    "INT": "INTEGER",
    "INT4": "INTEGER",
    "INT8": "BIGINT",
    "LONG": "BIGINT",
    "REAL": "FLOAT",
    "FLOAT4": "FLOAT",
    "FLOAT8": "DOUBLE",
    "DOUBLE PRECISION": "DOUBLE",
    "NUMERIC": "DECIMAL",
    "TEXT": "VARCHAR",
    "STRING": "VARCHAR",
    "CHAR": "VARCHAR",
    "BPCHAR": "VARCHAR",
    "BYTEA": "BLOB",
    "BINARY": "BLOB",
    "VARBINARY": "BLOB",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    "TIME WITHOUT TIME ZONE": "TIME",
    "LOGICAL": "BOOLEAN",
    "INT16": "SMALLINT",
    "INT32": "INTEGER",
    "SIGNED": "INTEGER",
    "INTEGRAL": "INTEGER",
    "INT64": "BIGINT",
    "OID": "BIGINT",
    "INT128": "HUGEINT",
    "UINT8": "UTINYINT",
    "UINT16": "USMALLINT",
    "UINT32": "UINTEGER",
    "UINT64": "UBIGINT",
    "UINT128": "UHUGEINT",
    "DEC": "DECIMAL",
    "NVARCHAR": "VARCHAR",
    "BITSTRING": "BIT",
    "GUID": "UUID",
    "TIMESTAMP_US": "TIMESTAMP",
    "TIMETZ": "TIME WITH TIME ZONE",
}

Json: TypeAlias = "str | int | float | bool | list[Json] | Mapping[str, Json] | None"

FieldPath: TypeAlias = tuple[str, ...]
"""A column's name, then those of members of structures in it; all that is below belongs to it."""


class TypeSyntaxError(ValueError):
    """The text is not a column type. ``str(error)`` says which part."""


@frozen
class DataType:
    """A column type, by its canonical DuckDB name.

    ``arguments`` holds precision and scale of DECIMAL; ``element`` the element
    of LIST and ARRAY and the value of MAP; ``key`` the key of MAP; ``fields``
    the members of STRUCT.

    >>> str(DataType.parse("decimal(15, 2)"))
    'DECIMAL(15,2)'
    >>> str(DataType.parse("STRUCT(a int, b text[])[]"))
    'STRUCT("a" INTEGER, "b" VARCHAR[])[]'
    >>> DataType.parse("timestamptz") == DataType("TIMESTAMP WITH TIME ZONE")
    True
    """

    name: str
    arguments: tuple[int, ...] = ()
    element: DataType | None = None
    key: DataType | None = None
    fields: tuple[Column, ...] = ()

    @staticmethod
    def parse(text: str) -> DataType:
        """Read a type from DuckDB's text form; raises :class:`TypeSyntaxError`."""
        parser = _TypeParser(text)
        parsed = parser.parse_type()
        parser.expect_end()
        return parsed

    @property
    def parts(self) -> Iterator[DataType]:
        """The types it is made of: itself, unless it is nested.

        >>> [str(part) for part in DataType.parse("MAP(text, STRUCT(a int, b date[]))").parts]
        ['VARCHAR', 'INTEGER', 'DATE']
        """
        inner = [part for part in (self.key, self.element) if part is not None]
        inner.extend(member.type for member in self.fields)
        if not inner:
            yield self
        for part in inner:
            yield from part.parts

    @property
    def is_numeric(self) -> bool:
        return self.name in _numeric

    @property
    def is_integer(self) -> bool:
        return self.name.endswith(("INT", "INTEGER"))

    @property
    def is_temporal(self) -> bool:
        return self.name.startswith(("TIMESTAMP", "DATE", "TIME"))

    def __str__(self) -> str:
        match self.name:
            case "LIST" | "ARRAY":
                size = self.arguments[0] if self.arguments else ""
                return f"{self.element}[{size}]"
            case "MAP":
                return f"MAP({self.key}, {self.element})"
            case "STRUCT":
                members = ", ".join(f"{quote_identifier(f.name)} {f.type}" for f in self.fields)
                return f"STRUCT({members})"
            case _:
                return self.name + (f"({','.join(map(str, self.arguments))})" if self.arguments else "")


_numeric: Final = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER"}
    | {"UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"}
)

type_names: Final = (
    _numeric
    | {"BOOLEAN", "VARCHAR", "BLOB", "UUID", "JSON", "BIT", "DATE", "TIME", "TIME WITH TIME ZONE", "INTERVAL"}
    | {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
)
"""Types that are not made of others. :meth:`DataType.parse` takes any name: contracts speak of other systems too."""


@frozen
class Column:
    """A named, typed column. ``nullable`` is what is promised, not what was seen."""

    name: str
    type: DataType
    nullable: bool = True


@frozen
class Schema:
    """The ordered columns of a relation; names are unique, compared case-insensitively."""

    columns: tuple[Column, ...]

    @staticmethod
    def of(columns: Mapping[str, str]) -> Schema:
        """A schema from names and type texts.

        >>> Schema.of({"id": "bigint"}).names
        ('id',)
        """
        return Schema(tuple(Column(name, DataType.parse(text)) for name, text in columns.items()))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def listed(self) -> str:
        """The columns as a list for SELECT.

        >>> Schema.of({"id": "bigint", "of day": "date"}).listed
        '"id", "of day"'
        """
        return ", ".join(quote_identifier(column.name) for column in self.columns)

    def get(self, name: str) -> Column | None:
        folded = name.casefold()
        return next((column for column in self.columns if column.name.casefold() == folded), None)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def to_mapping(self) -> dict[str, str]:
        """Names to type texts, in order: the form that :meth:`of` reads."""
        return {column.name: str(column.type) for column in self.columns}


@dataclass(frozen=True, slots=True, order=True)
class RelationName:
    """A relation's full name: the product it belongs to, and its name there.

    >>> str(RelationName.parse("delays.departures"))
    'delays.departures'
    """

    product: str
    name: str

    @staticmethod
    def parse(text: str) -> RelationName:
        """Read ``product.name``; raises :class:`ValueError` for any other form."""
        product, dot, name = text.partition(".")
        if not (product and dot and name):
            raise ValueError(f"'{text}' is not of the form product.relation")
        return RelationName(product, name)

    @property
    def quarantine(self) -> RelationName:
        """Where the rows this relation's contract refused are published."""
        return RelationName(self.product, f"{self.name}__quarantine")

    def __str__(self) -> str:
        return f"{self.product}.{self.name}"


@frozen
class Counts:
    """What became of the rows that reached a port.

    The law of headwater is ``read == accepted + late + quarantined``; it is
    checked for every port in every run (:attr:`balanced`).
    """

    read: int = 0
    accepted: int = 0
    late: int = 0
    quarantined: int = 0

    @property
    def balanced(self) -> bool:
        return self.read == self.accepted + self.late + self.quarantined

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.read + other.read,
            self.accepted + other.accepted,
            self.late + other.late,
            self.quarantined + other.quarantined,
        )


def quote_identifier(name: str) -> str:
    """The name as a quoted SQL identifier; the only way a name may enter SQL text.

    >>> quote_identifier('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """The text as a SQL string literal, where a statement takes no parameter.

    >>> quote_text("O'Hare")
    "'O''Hare'"
    """
    return "'" + text.replace("'", "''") + "'"


_tokens: Final = re.compile(r'\s*(?:(?P<quoted>"(?:[^"]|"")*")|(?P<word>\w+)|(?P<mark>[(),\[\]]))')


_phrase_words: Final = frozenset({"WITH", "WITHOUT", "TIME", "ZONE", "PRECISION"})


class _TypeParser:
    """Recursive descent over the type grammar: name, arguments, members, brackets."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parse_type(self) -> DataType:
        word = self._word().upper()
        parsed: DataType
        if word == "STRUCT":
            parsed = DataType("STRUCT", fields=self._members())
        elif word == "MAP":
            parsed = self._map()
        else:
            name = self._phrase(word)
            arguments = self._arguments()
            if name == "VARCHAR":
                arguments = ()
            elif name == "DECIMAL" and len(arguments) < 2:
                arguments = (arguments[0], 0) if arguments else (18, 3)
            parsed = DataType(name, arguments)
        while self._take("["):
            size = self._peek_word()
            if size is None:
                parsed = DataType("LIST", element=parsed)
            else:
                parsed = DataType("ARRAY", (int(self._word()),), element=parsed)
            self._expect("]")
        return parsed

    def expect_end(self) -> None:
        rest = self._text[self._at :].strip()
        if rest:
            raise TypeSyntaxError(f"'{self._text}' is not a column type: '{rest}' is left over")

    def _phrase(self, first: str) -> str:
        words = [first]
        while (following := self._peek_word()) and following.upper() in _phrase_words:
            words.append(self._word().upper())
        phrase = " ".join(words)
        return type_aliases.get(phrase, phrase)

    def _arguments(self) -> tuple[int, ...]:
        if not self._take("("):
            return ()
        arguments = [self._integer()]
        while self._take(","):
            arguments.append(self._integer())
        self._expect(")")
        return tuple(arguments)

    def _members(self) -> tuple[Column, ...]:
        self._expect("(")
        members = [self._member()]
        while self._take(","):
            members.append(self._member())
        self._expect(")")
        return tuple(members)

    def _member(self) -> Column:
        return Column(self._word(), self.parse_type())

    def _map(self) -> DataType:
        self._expect("(")
        key = self.parse_type()
        self._expect(",")
        value = self.parse_type()
        self._expect(")")
        return DataType("MAP", element=value, key=key)

    def _integer(self) -> int:
        word = self._word()
        if not word.isdecimal():
            raise TypeSyntaxError(f"'{self._text}' is not a column type: '{word}' is not a number")
        return int(word)

    def _word(self) -> str:
        token = _tokens.match(self._text, self._at)
        if token is None or token["mark"]:
            raise TypeSyntaxError(f"'{self._text}' is not a column type")
        self._at = token.end()
        return str(token["quoted"][1:-1].replace('""', '"') if token["quoted"] else token["word"])

    def _peek_word(self) -> str | None:
        token = _tokens.match(self._text, self._at)
        return token["word"] if token else None

    def _take(self, mark: str) -> bool:
        token = _tokens.match(self._text, self._at)
        if token is None or token["mark"] != mark:
            return False
        self._at = token.end()
        return True

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise TypeSyntaxError(f"'{self._text}' is not a column type: '{mark}' is missing")
