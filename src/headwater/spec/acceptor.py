"""A quick yes: JSON Schemas compiled to functions that accept sound documents.

Apart from the validation proper (:mod:`headwater.spec.odcs`), which stays with
the library and says what is wrong. The official contract schema is deep in
conditions: the library needs tens of milliseconds for a small contract, and a
fifth of a second to be imported, which a workspace of many contracts would pay
at every command. An acceptor may refuse what is valid (the library then
decides), but accepts nothing that is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, cast

from headwater.types import Json

__all__ = ["UnsupportedSchema", "acceptor"]

Found: TypeAlias = "frozenset[str] | None"
"""The keys of a mapping that a schema knows; None when the value does not conform."""

Check: TypeAlias = Callable[[Any], Found]

Predicate: TypeAlias = Callable[[Any], bool]

NONE: Final[frozenset[str]] = frozenset()
MOST_UNIQUE_ITEMS: Final = 200

_annotations: Final = frozenset(
    {"$schema", "$id", "$defs", "title", "description", "default", "examples", "deprecated", "format", "then"}
)


class UnsupportedSchema(ValueError):
    """The schema uses a keyword that is not compiled."""


def acceptor(schema: Mapping[str, Any], at: str = "#") -> Callable[[Json], bool]:
    """Compile a schema, or the part of it that the pointer ``at`` leads to.

    It knows the keywords that the contract standard and our own schemas use.

    Raises:
        UnsupportedSchema: it uses another one.

    >>> accepts = acceptor({"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False})
    >>> accepts({"a": 1}), accepts({"a": True}), accepts({"b": 1})
    (True, False, False)
    """
    check = _Compiler(schema).compile_all(at)
    return lambda value: check(value) is not None


class _Compiler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._compiled: dict[str, Check] = {}
        self._pending: list[str] = []
        self._applicators: Mapping[str, Callable[[Any, Mapping[str, Any]], Check]] = {
            "properties": self._properties,
            "patternProperties": lambda argument, _: self._pattern_properties(argument),
            "items": lambda argument, _: self._items(argument),
            "$ref": lambda argument, _: self._reference(argument),
            "allOf": lambda argument, _: self._all_of(list(map(self.compile, argument))),
            "anyOf": lambda argument, _: self._any_of(list(map(self.compile, argument))),
            "oneOf": lambda argument, _: self._one_of(list(map(self.compile, argument))),
            "not": lambda argument, _: self._not(self.compile(argument)),
            "if": lambda argument, schema: self._if(self.compile(argument), self.compile(schema.get("then", {}))),
        }

    def compile_all(self, at: str) -> Check:
        """A part and, since schemas refer to themselves, afterwards everything it refers to."""
        check = self.compile(self._resolve(at))
        while self._pending:
            pointer = self._pending.pop()
            if pointer not in self._compiled:
                self._compiled[pointer] = self.compile(self._resolve(pointer))
        return check

    def compile(self, schema: Mapping[str, Any]) -> Check:
        conforms = self._all_of([check for key in schema for check in self._keyword(key, schema)])
        if schema.get("unevaluatedProperties") is not False:
            return conforms

        def run(value: Any) -> Found:
            known = conforms(value)
            return None if known is not None and isinstance(value, Mapping) and not value.keys() <= known else known

        return run

    def _keyword(self, key: str, schema: Mapping[str, Any]) -> Iterable[Check]:
        argument = schema[key]
        if key in self._applicators:
            yield self._applicators[key](argument, schema)
        elif key == "additionalProperties":
            if "properties" not in schema:
                yield self._properties({}, schema)
        elif key == "unevaluatedProperties" and argument is False:
            pass
        elif key not in _annotations:
            yield _assertion(key, argument)

    def _properties(self, schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> Check:
        children = {name: self.compile(child) for name, child in schemas.items()}
        others = schema.get("additionalProperties", True)
        other = self.compile(others) if isinstance(others, Mapping) else None
        closed = others is False

        def run(value: Any) -> Found:
            if not isinstance(value, Mapping):
                return NONE
            for name, item in value.items():
                child = children.get(name, other)
                if child is None:
                    if closed:
                        return None
                elif child(item) is None:
                    return None
            return frozenset(value.keys() & children.keys())

        return run

    def _pattern_properties(self, schemas: Mapping[str, Any]) -> Check:
        """Stricter than the standard: every key must match the one pattern."""
        if len(schemas) != 1:
            raise UnsupportedSchema("several patternProperties")
        ((pattern, schema),) = schemas.items()
        matches, child = _pattern(pattern), self.compile(schema)

        def run(value: Any) -> Found:
            if not isinstance(value, Mapping):
                return NONE
            sound = all(matches(name) and child(item) is not None for name, item in value.items())
            return frozenset(value) if sound else None

        return run

    def _items(self, schema: Mapping[str, Any]) -> Check:
        child = self.compile(schema)
        return lambda value: None if isinstance(value, list) and any(child(item) is None for item in value) else NONE

    def _reference(self, pointer: str) -> Check:
        self._pending.append(pointer)

        def run(value: Any) -> Found:
            return self._compiled[pointer](value)

        return run

    def _resolve(self, pointer: str) -> Mapping[str, Any]:
        found: Any = self._root
        for step in pointer.split("/")[1:]:
            found = found[step]
        return cast("Mapping[str, Any]", found)

    @staticmethod
    def _all_of(branches: list[Check]) -> Check:
        def run(value: Any) -> Found:
            known = NONE
            for branch in branches:
                found = branch(value)
                if found is None:
                    return None
                if found:
                    known = known | found
            return known

        return run

    @staticmethod
    def _any_of(branches: list[Check]) -> Check:
        def run(value: Any) -> Found:
            found = [keys for branch in branches if (keys := branch(value)) is not None]
            return NONE.union(*found) if found else None

        return run

    @staticmethod
    def _one_of(branches: list[Check]) -> Check:
        def run(value: Any) -> Found:
            found = [keys for branch in branches if (keys := branch(value)) is not None]
            return found[0] if len(found) == 1 else None

        return run

    @staticmethod
    def _not(branch: Check) -> Check:
        return lambda value: NONE if branch(value) is None else None

    @staticmethod
    def _if(condition: Check, then: Check) -> Check:
        def run(value: Any) -> Found:
            met = condition(value)
            if met is None:
                return NONE
            found = then(value)
            return None if found is None else met | found

        return run


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_types: Final[Mapping[str, Predicate]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
}


def _type(argument: str | list[str]) -> Predicate:
    tests = [_types[name] for name in ([argument] if isinstance(argument, str) else argument)]
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _enum(argument: list[Any]) -> Predicate:
    valid = frozenset(argument)
    if not all(isinstance(item, str) for item in valid):
        raise UnsupportedSchema("enum of other values than strings")
    return lambda value: isinstance(value, str) and value in valid


def _pattern(argument: str) -> Predicate:
    # Stricter than the standard: a line break after the end does not match.
    search = re.compile(argument[:-1] + r"\Z" if argument.endswith("$") else argument).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _all_differ(items: list[Any]) -> bool:
    """Whether no two items are equal; true and 1 count as equal here, and long lists are left to the library."""
    return len(items) <= MOST_UNIQUE_ITEMS and all(
        item != other for index, item in enumerate(items) for other in items[:index]
    )


_predicates: Final[Mapping[str, Callable[[Any], Predicate]]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda argument: _enum([argument]),
    "pattern": _pattern,
    "required": lambda names: lambda value: not isinstance(value, Mapping) or all(name in value for name in names),
    "minimum": lambda least: lambda value: not _is_number(value) or value >= least,
    "exclusiveMinimum": lambda bound: lambda value: not _is_number(value) or value > bound,
    "maximum": lambda most: lambda value: not _is_number(value) or value <= most,
    "minLength": lambda least: lambda value: not isinstance(value, str) or len(value) >= least,
    "minProperties": lambda least: lambda value: not isinstance(value, Mapping) or len(value) >= least,
    "minItems": lambda least: lambda value: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda most: lambda value: not isinstance(value, list) or len(value) <= most,
    "uniqueItems": lambda wanted: lambda value: not (wanted and isinstance(value, list)) or _all_differ(value),
}


def _assertion(key: str, argument: Any) -> Check:
    if key not in _predicates:
        raise UnsupportedSchema(key)
    holds = _predicates[key](argument)
    return lambda value: NONE if holds(value) else None
