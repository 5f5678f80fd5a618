"""What ``logicalTypeOptions`` and ``enum`` demand of one value, as predicates over an SQL expression.

Apart from the walk over properties so that one option is one small rule. Each
predicate is NULL for a NULL value, which admits it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from headwater.quality.formats import DESCRIPTIVE, integer_ranges, string_format, to_strptime
from headwater.quality.literals import LiteralError, literal, text_literal
from headwater.quality.patterns import PatternError, to_re2
from headwater.types import DataType, Json
from headwater.values import frozen

__all__ = ["Demand", "OptionError", "UnknownFormatError", "enumeration", "matches", "member", "option"]


class OptionError(ValueError):
    """The option cannot be applied to a column of this type; ``str(error)`` says why."""


class UnknownFormatError(ValueError):
    """The format is one of the contract's own: the standard allows any word, headwater judges those it knows."""


@frozen
class Demand:
    """A predicate over a value and what it means, completing the sentence "the value ...".

    ``doubt`` is that of :class:`headwater.quality.checks.RowCheck`.
    """

    predicate: str
    meaning: str
    doubt: str | None = None


@frozen
class _Value:
    """The value an option speaks of: its SQL, its type, and ODCS's name for the type."""

    sql: str
    type: DataType
    logical_type: str | None

    @property
    def text(self) -> str:
        return self.sql if self.type.name == "VARCHAR" else f"CAST({self.sql} AS VARCHAR)"

    def literal(self, value: Json) -> str:
        try:
            return literal(value, self.type)
        except LiteralError as error:
            raise OptionError(str(error)) from None


def option(name: str, argument: Json, sql: str, type: DataType, logical_type: str | None) -> Demand | None:
    """The demand of an option; None when it describes and demands nothing.

    Raises:
        OptionError: the argument or the column's type does not fit.
        UnknownFormatError: it is a format that headwater cannot judge.
    """
    rule = _rules.get(name)
    if rule is None:
        if name in _descriptions:
            return None
        raise OptionError("headwater does not know it")
    return rule(argument, _Value(sql, type, logical_type))


def enumeration(values: tuple[Json, ...], sql: str, type: DataType) -> Demand:
    """The value is one of ``values``; NULL among them says nothing, for NULL is ruled by ``required``."""
    value = _Value(sql, type, None)
    listed = ", ".join(value.literal(entry) for entry in values if entry is not None)
    predicate = f"{sql} IN ({listed})" if listed else f"{sql} IS NULL"
    numbers = {entry for entry in values if isinstance(entry, int) and not isinstance(entry, bool)}
    gapless = len(numbers) == len(set(values) - {None}) > 0 and max(numbers) - min(numbers) < len(numbers)
    doubt = _outside(sql, min(numbers), max(numbers)) if type.is_integer and gapless else None
    return Demand(predicate, f"is one of {_listing(values)}", doubt)


def _outside(sql: str, lowest: int, highest: int) -> str:
    return f"min({sql}) < ({lowest}) OR max({sql}) > ({highest})"


def matches(pattern: Json, sql: str, type: DataType) -> Demand:
    """Some part of the value's text matches the regular expression."""
    return _pattern(pattern, _Value(sql, type, None))


def _listing(values: tuple[Json, ...]) -> str:
    shown = [str(value) for value in values[:8]]
    return ", ".join(shown) + (f" and {len(values) - 8} more" if len(values) > 8 else "")


def _count(argument: Json) -> int:
    if isinstance(argument, bool) or not isinstance(argument, int) or argument < 0:
        raise OptionError(f"'{argument}' is not a count")
    return argument


def _shortest(argument: Json, value: _Value) -> Demand:
    return Demand(f"length({value.text}) >= {_count(argument)}", f"has at least {argument} characters")


def _longest(argument: Json, value: _Value) -> Demand:
    return Demand(f"length({value.text}) <= {_count(argument)}", f"has at most {argument} characters")


def _pattern(argument: Json, value: _Value) -> Demand:
    if not isinstance(argument, str):
        raise OptionError(f"'{argument}' is not a regular expression")
    try:
        quoted = text_literal(to_re2(argument))
    except (PatternError, LiteralError) as error:
        raise OptionError(f"the regular expression '{argument}' cannot be used: {error}") from None
    return Demand(f"regexp_matches({value.text}, {quoted})", f"matches {argument}")


def _format(argument: Json, value: _Value) -> Demand | None:
    if not isinstance(argument, str):
        raise OptionError(f"'{argument}' is not the name of a format")
    if argument in DESCRIPTIVE:
        return None
    if argument in integer_ranges:
        lowest, highest = integer_ranges[argument]
        if not value.type.is_numeric:
            raise OptionError(f"the format {argument} needs a numeric column, and this one is {value.type}")
        doubt = _outside(value.sql, lowest, highest)
        return Demand(f"{value.sql} BETWEEN ({lowest}) AND {highest}", f"fits into {argument}", doubt)
    if value.logical_type in ("date", "timestamp", "time"):
        return _time_format(argument, value)
    predicate = string_format(argument, value.text)
    if predicate is None:
        raise UnknownFormatError(f"headwater does not know the format '{argument}'")
    return Demand(predicate, f"has the format {argument}")


def _time_format(argument: str, value: _Value) -> Demand | None:
    if value.type.name != "VARCHAR":
        return None
    pattern = to_strptime(argument)
    if pattern is None:
        raise UnknownFormatError(f"headwater does not know the format '{argument}'")
    quoted = text_literal(pattern)
    predicate = f"CASE WHEN {value.sql} IS NOT NULL THEN try_strptime({value.sql}, {quoted}) IS NOT NULL END"
    return Demand(predicate, f"has the format {argument}")


def _bound(operator: str, meaning: str, extreme: str, beyond: str) -> Callable[[Json, _Value], Demand]:
    def demand(argument: Json, value: _Value) -> Demand:
        bound = value.literal(argument)
        ordered = value.type.is_numeric or value.type.is_temporal
        doubt = f"{extreme}({value.sql}) {beyond} {bound}" if ordered else None
        return Demand(f"{value.sql} {operator} {bound}", f"is {meaning} {argument}", doubt)

    return demand


def _multiple(argument: Json, value: _Value) -> Demand:
    if not value.type.is_numeric:
        raise OptionError(f"it needs a numeric column, and this one is {value.type}")
    step = value.literal(argument)
    if step.strip("0.") == "" or step.startswith("("):
        raise OptionError(f"'{argument}' is not greater than 0")
    meaning = f"is a multiple of {argument}"
    if value.type.name in ("FLOAT", "DOUBLE"):
        quotient = f"({value.sql} / {step})"
        return Demand(f"abs({quotient} - round({quotient})) <= 1e-9 * greatest(1, abs({quotient}))", meaning)
    return Demand(f"{value.sql} % {step} = 0", meaning)


def _fewest_items(argument: Json, value: _Value) -> Demand:
    return Demand(f"{_size(value)} >= {_count(argument)}", f"has at least {argument} items")


def _most_items(argument: Json, value: _Value) -> Demand:
    return Demand(f"{_size(value)} <= {_count(argument)}", f"has at most {argument} items")


def _unique_items(argument: Json, value: _Value) -> Demand | None:
    if argument is not True:
        return None
    size = _size(value)
    filled = f"list_count({value.sql})"
    return Demand(f"list_unique({value.sql}) = {filled} AND {size} - {filled} <= 1", "has no item twice")


def _dimensions(argument: Json, value: _Value) -> Demand:
    return Demand(f"{_size(value)} = {_count(argument)}", f"has {argument} dimensions")


def _size(value: _Value) -> str:
    if value.type.name not in ("LIST", "ARRAY"):
        raise OptionError(f"it needs a column of lists, and this one is {value.type}")
    return f"len({value.sql})"


def _members(value: _Value) -> str:
    match value.type.name:
        case "MAP":
            return f"cardinality({value.sql})"
        case "STRUCT":
            filled = [f"CAST({member(value.sql, field.name)} IS NOT NULL AS INTEGER)" for field in value.type.fields]
            return f"CASE WHEN {value.sql} IS NOT NULL THEN {' + '.join(filled)} END"
        case _:
            raise OptionError(f"it needs a column of objects, and this one is {value.type}")


def _fewest_members(argument: Json, value: _Value) -> Demand:
    return Demand(f"{_members(value)} >= {_count(argument)}", f"has at least {argument} properties")


def _most_members(argument: Json, value: _Value) -> Demand:
    return Demand(f"{_members(value)} <= {_count(argument)}", f"has at most {argument} properties")


def _required_members(argument: Json, value: _Value) -> Demand:
    if not isinstance(argument, list) or not argument:
        raise OptionError("it needs a list of property names")
    known = {field.name.casefold() for field in value.type.fields}
    if value.type.name != "STRUCT":
        raise OptionError(f"it needs a column of objects, and this one is {value.type}")
    tests = []
    for name in argument:
        if str(name).casefold() not in known:
            raise OptionError(f"the object has no property '{name}'")
        tests.append(f"{member(value.sql, str(name))} IS NOT NULL")
    return Demand(f"{value.sql} IS NULL OR ({' AND '.join(tests)})", f"has {_listing(tuple(argument))}")


def member(sql: str, name: str) -> str:
    """A member of an object: NULL when the object is."""
    return f"struct_extract({sql}, {text_literal(name)})"


_rules: Final[Mapping[str, Callable[[Json, _Value], Demand | None]]] = {
    "minLength": _shortest,
    "maxLength": _longest,
    "pattern": _pattern,
    "format": _format,
    "minimum": _bound(">=", "at least", "min", "<"),
    "maximum": _bound("<=", "at most", "max", ">"),
    "exclusiveMinimum": _bound(">", "more than", "min", "<="),
    "exclusiveMaximum": _bound("<", "less than", "max", ">="),
    "multipleOf": _multiple,
    "minItems": _fewest_items,
    "maxItems": _most_items,
    "uniqueItems": _unique_items,
    "minProperties": _fewest_members,
    "maxProperties": _most_members,
    "required": _required_members,
    "dimensions": _dimensions,
}
_descriptions: Final = frozenset(
    {"timezone", "defaultTimezone", "elementType", "distanceMetric", "embeddingModel", "embeddingModelVersion"}
    | {"normalized"}
)
