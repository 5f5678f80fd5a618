"""Model files: the header's values and the one query below it.

Apart from the header's grammar because a file without a header is a model as
well, and because the query is only delimited here, never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from headwater.errors import DeclarationError, DeclarationErrors
from headwater.spec.declarations import Model
from headwater.spec.header import Header, parse_header
from headwater.spec.text import FileText, check_text
from headwater.types import RelationName

__all__ = ["identifier_problem", "parse_model"]

_identifier: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_blank: Final = re.compile(r"(?:\s|--[^\n\r]*|/\*.*?\*/)*", re.DOTALL)
_ends: Final = re.compile(r"(?:[\s;]|--[^\n\r]*|/\*.*?\*/)*", re.DOTALL)
_special: Final = re.compile(r"""[;'"$/-]""")
_part: Final = re.compile(
    r"""--[^\n\r]* | /\*.*?(?:\*/|\Z) | '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) | (\$\w*\$).*?(?:\1|\Z) | .""",
    re.VERBOSE | re.DOTALL,
)
_escaped_text: Final = re.compile(r"'(?:[^'\\]|\\.|'')*(?:'|\Z)", re.DOTALL)
_escape_prefix: Final = re.compile(r"(?<!\w)[eE]")
RESERVED: Final = "__quarantine"


def parse_model(file: FileText, product: str) -> Model:
    """Read a model file of a product.

    Raises:
        DeclarationErrors: all that is wrong with the header and the extent of the query.
        DeclarationError: it holds characters that no text has.
    """
    check_text(file)
    header, errors = parse_header(file)
    sound = not errors
    errors.extend(_name_errors(file, header, product))
    query_start, query = _query(file, header, errors) if sound else (0, "")
    if errors:
        raise DeclarationErrors(errors)
    name = header.name.value if header.name else PurePosixPath(file.path).stem
    return Model(
        relation=RelationName(product, name),
        query=query,
        path=file.path,
        query_line=file.line_of(query_start),
        output=header.output,
        grain=header.grain,
        partition_by=header.partition_by,
        description=header.description,
        tags=header.tags,
        renames=header.renames,
        where=file.at_offset(header.offset),
    )


def identifier_problem(name: str, what: str) -> str | None:
    """Why a text cannot name a model, source or product; None when it can.

    >>> identifier_problem("flights", "model") is None
    True
    >>> identifier_problem("my-model", "model")
    "'my-model' cannot name a model"
    """
    return None if _identifier.fullmatch(name) else f"'{name}' cannot name a {what}"


def _name_errors(file: FileText, header: Header, product: str) -> Iterator[DeclarationError]:
    name = header.name.value if header.name else PurePosixPath(file.path).stem
    problem = identifier_problem(name, "model")
    detail = hint = None
    if problem:
        hint = "a name begins with a letter and has letters, digits and underscores"
        hint += "" if header.name else "; rename the file, or begin it with MODEL (name ...);"
    elif name.casefold().endswith(RESERVED):
        problem = f"'{name}' cannot name a model"
        detail = f"'{RESERVED}' ends the names of the tables that hold refused rows"
    if problem:
        where = file.at_offset(header.name.offset) if header.name else file.whole
        yield DeclarationError(problem, detail=detail, hint=hint, where=where)
    if header.product and header.product.value != product:
        yield DeclarationError(
            f"a model of the product '{product}' cannot be named for '{header.product.value}'",
            hint=f"write name {name}, or move the file into the folder of '{header.product.value}'",
            where=file.at_offset(header.product.offset),
        )


def _query(file: FileText, header: Header, errors: list[DeclarationError]) -> tuple[int, str]:
    """The offset and text of the query: from its first line on, columns kept, without a closing semicolon."""
    text = file.text
    start = _skip_line_break(text, header.query_offset)
    end = _statement_end(text, start)
    found = _blank.match(text, start)
    first = found.end() if found else start
    if first >= end:
        empty = not text.strip()
        message = "the file is empty" if empty else "the model has no query"
        hint = "write one SELECT statement" + (" below the header" if header.query_offset else "")
        where = file.whole if empty else file.at_offset(header.offset)
        errors.append(DeclarationError(message, hint=hint, where=where))
        return start, ""
    if end < len(text):
        rest = _ends.match(text, end + 1)
        second = rest.end() if rest else end + 1
        if second < len(text):
            errors.append(
                DeclarationError(
                    "a second statement begins",
                    detail="a model is one query",
                    hint="delete one of the statements, or move it into a file of its own",
                    where=file.at_offset(second),
                )
            )
    column = file.column_of(start) if start == header.query_offset and start else 1
    return start, " " * (column - 1) + text[start:end]


def _statement_end(text: str, start: int) -> int:
    """Where the first statement ends: at a semicolon outside of texts and comments, or at the end."""
    if text.find(";", start) < 0:
        return len(text)
    at = start
    while found := _special.search(text, at):
        at = found.start()
        if found.group() == ";":
            return at
        escaped = found.group() == "'" and at > 0 and _escape_prefix.match(text, at - 1)
        part = (_escaped_text if escaped else _part).match(text, at)
        at = part.end() if part else at + 1
    return len(text)


def _skip_line_break(text: str, offset: int) -> int:
    """The begin of the next line when nothing but blanks stands in the rest of this one."""
    at = offset
    while at < len(text) and text[at] in " \t":
        at += 1
    if at < len(text) and text[at] == "\r":
        at += 1
    return at + 1 if at < len(text) and text[at] == "\n" else offset
