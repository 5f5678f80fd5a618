"""YAML text to plain values that know where they stand.

Apart from the readers of each kind of file, and the only home of the YAML
library: it reads the stream of parse events, never objects, so that tags are
refused, nesting and aliases are bounded and every value keeps its place. Plain
scalars follow the core schema of YAML 1.2 (``yes`` is a string, ``010`` is ten).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeAlias, cast

import yaml
from yaml import events

from headwater.errors import DeclarationError, DeclarationErrors, Location
from headwater.spec.text import FileText, check_text
from headwater.types import Json
from headwater.values import frozen

__all__ = ["Document", "Path", "is_plain", "parse_document"]

Path: TypeAlias = "tuple[str | int, ...]"
"""The way from a document's root to a value: keys and positions."""

Mark: TypeAlias = "tuple[int, int]"

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 500_000
"""How many values a document may stand for, aliases counted as what they repeat."""

_integer: Final = re.compile(r"[-+]?[0-9]{1,4000}")
_based: Final = re.compile(r"0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,4000}")
_float: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_older_scalar: Final = re.compile(
    r"(?i:y|n|yes|no|on|off)|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])*(?:\.[0-9_]*)?|0b[01_]+|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|[=~]|<<"
)
"""What YAML 1.1 reads as something else than a string."""
_constants: Final[dict[str, Json]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@frozen
class Document:
    """A parsed file: plain ``data`` and the places of its keys and values."""

    file: FileText
    data: Json
    keys: dict[Path, Mark]
    values: dict[Path, Mark]

    def where(self, path: Path) -> Location:
        """The place of a value; of the nearest value around it when it has none of its own."""
        while path and path not in self.values:
            path = path[:-1]
        return self.file.at(*self.values.get(path, (1, 1)))

    def where_key(self, path: Path) -> Location:
        """The place of the key that names a value; of the value when it has no key."""
        mark = self.keys.get(path)
        return self.file.at(*mark) if mark else self.where(path)


def parse_document(file: FileText) -> Document:
    """Parse one YAML file.

    Raises:
        DeclarationErrors: all duplicate keys and tags of the file, up to what cannot be read further.
    """
    builder = _Builder(file)
    try:
        check_text(file)
        for event in _events(file.text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        builder.errors.append(_syntax_error(file, error))
    except DeclarationError as error:
        builder.errors.append(error)
    if not builder.errors and not builder.documents:
        builder.errors.append(DeclarationError("the file is empty", where=file.whole))
    if builder.errors:
        raise DeclarationErrors(builder.errors)
    return Document(file, builder.root, builder.keys, builder.values)


def _events(text: str) -> Iterator[Any]:
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    return cast("Iterator[Any]", yaml.parse(text, Loader=loader))


def _syntax_error(file: FileText, error: yaml.MarkedYAMLError) -> DeclarationError:
    mark = error.problem_mark or error.context_mark
    problem = (error.problem or "it cannot be parsed").replace("did not find expected", "expected")
    where = file.at(mark.line + 1, mark.column + 1) if mark else file.whole
    if mark and _character(file, mark) == "\t":
        return DeclarationError("a tab stands where YAML wants spaces", hint="indent with spaces", where=where)
    started = error.context_mark
    detail = None
    if error.context and started and mark and started.line != mark.line:
        detail = f"{error.context} that begins in line {started.line + 1}"
    return DeclarationError(f"not valid YAML: {problem}", detail=detail, where=where)


def _character(file: FileText, mark: Any) -> str:
    lines = file.text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    return str(line[mark.column : mark.column + 1])


@dataclass(slots=True)
class _Container:
    value: dict[str, Json] | list[Json]
    path: Path
    anchor: str | None
    started: int
    mark: Mark
    key: str | None = None
    keys: dict[str, Mark] = field(default_factory=dict)


class _Builder:
    """Consumes parse events with an explicit stack: no recursion, whatever the nesting."""

    def __init__(self, file: FileText) -> None:
        self.file = file
        self.errors: list[DeclarationError] = []
        self.keys: dict[Path, Mark] = {}
        self.values: dict[Path, Mark] = {}
        self.root: Json = None
        self.documents = 0
        self._stack: list[_Container] = []
        self._anchors: dict[str, tuple[Json, int]] = {}
        self._count = 0

    def take(self, event: Any) -> None:
        match event:
            case events.ScalarEvent():
                self._check(event)
                if not self._take_key(event):
                    self._place(_scalar(event), event, event.anchor, 1)
            case events.MappingStartEvent() | events.SequenceStartEvent():
                self._open(event)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                self._close()
            case events.AliasEvent():
                self._alias(event)
            case events.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self._refuse("a second YAML document begins", event, "keep one document a file")
            case _:
                pass

    def _take_key(self, event: Any) -> bool:
        if not self._stack:
            return False
        top = self._stack[-1]
        if not isinstance(top.value, dict) or top.key is not None:
            return False
        mark = _mark(event)
        known = top.keys.get(event.value)
        if known is not None:
            error = DeclarationError(
                f"the key '{_short(event.value)}' stands here twice",
                detail=f"the first one stands in line {known[0]}",
                where=self.file.at(*mark),
            )
            self.errors.append(error)
        else:
            top.keys[event.value] = mark
            self.keys[(*top.path, event.value)] = mark
        top.key = event.value
        return True

    def _open(self, event: Any) -> None:
        self._check(event)
        if self._expects_key():
            self._refuse("a key is a mapping or a list", event, "keys are plain words")
        if len(self._stack) >= MAX_DEPTH:
            self._refuse(f"the file is nested more than {MAX_DEPTH} levels deep", event, None)
        value: dict[str, Json] | list[Json] = {} if isinstance(event, events.MappingStartEvent) else []
        path = self._path()
        self.values[path] = _mark(event)
        self._stack.append(_Container(value, path, event.anchor, self._count, _mark(event)))

    def _close(self) -> None:
        top = self._stack.pop()
        size = self._count - top.started + 1
        if top.anchor:
            self._anchors[top.anchor] = (top.value, size)
        self._attach(top.value)
        self._count += 1

    def _alias(self, event: Any) -> None:
        if self._expects_key():
            self._refuse("a key is an alias", event, "keys are plain words")
        known = self._anchors.get(event.anchor)
        if known is None:
            self._refuse(f"the alias '*{event.anchor}' has no complete anchor before it", event, None)
        value, size = known
        self._place(value, event, None, size)

    def _place(self, value: Json, event: Any, anchor: str | None, size: int) -> None:
        self.values[self._path()] = _mark(event)
        self._count += size
        if self._count > MAX_VALUES:
            self._refuse(
                f"the file stands for more than {MAX_VALUES:,} values", event, "aliases multiply: write fewer of them"
            )
        if anchor:
            self._anchors[anchor] = (value, size)
        self._attach(value)

    def _attach(self, value: Json) -> None:
        if not self._stack:
            self.root = value
            return
        top = self._stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        else:
            top.value[cast("str", top.key)] = value
            top.key = None

    def _path(self) -> Path:
        if not self._stack:
            return ()
        top = self._stack[-1]
        return (*top.path, len(top.value) if isinstance(top.value, list) else cast("str", top.key))

    def _expects_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None

    def _check(self, event: Any) -> None:
        if event.tag is not None:
            error = DeclarationError(
                f"the YAML tag '{_short(event.tag)}' is not allowed",
                hint="write the plain value; quote it when it must be a string",
                where=self.file.at(*_mark(event)),
            )
            self.errors.append(error)

    def _refuse(self, message: str, event: Any, hint: str | None) -> NoReturn:
        raise DeclarationError(message, hint=hint, where=self.file.at(*_mark(event)))


def _mark(event: Any) -> Mark:
    return (event.start_mark.line + 1, event.start_mark.column + 1)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"


def _scalar(event: Any) -> Json:
    text: str = event.value
    return _plain(text) if event.style in (None, "") else text


def _plain(text: str) -> Json:
    """What a scalar without quotes stands for."""
    if text in _constants:
        return _constants[text]
    if text[0] in "-+.0123456789":
        if _integer.fullmatch(text):
            return int(text)
        if _based.fullmatch(text):
            return int(text, 8 if text[1] == "o" else 16)
        if _float.fullmatch(text):
            return float(text)
    return text


def is_plain(text: str) -> bool:
    """Whether a string may stand without quotes, here and for readers of YAML 1.1.

    >>> [text for text in ("abc", "1.0", "yes", "null", "", "2024-01-01", "1_000") if is_plain(text)]
    ['abc']
    """
    return isinstance(_plain(text), str) and not _older_scalar.fullmatch(text)
