"""Nested JSON values to typed ones, as SQL: members that are missing are NULL, what does not fit is told.

Apart from the decoder because the cast of the engine takes a structure only with all its members, and does not
say which other reason it had: here a value is taken apart until what is left has no members.
"""

from __future__ import annotations

from typing import Final

from headwater.engines.duckdb.casts import moment
from headwater.engines.duckdb.text import literal_list
from headwater.types import DataType, quote_text
from headwater.values import frozen

__all__ = ["JsonValue", "json_value", "repeats"]


_times: Final = frozenset({"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})


@frozen
class JsonValue:
    """SQL of a typed value, and of whether the JSON value is there and does not fit; that is TRUE, FALSE or NULL."""

    value: str
    misfit: str


def json_value(json: str, type: DataType, depth: int = 0) -> JsonValue:
    """How a JSON value becomes one of a type.

    Args:
        json: an expression of type JSON.
        depth: numbers the variables of lists in lists.
    """
    if not _is_taken_apart(type):
        return _simple(json, type)
    match type.name:
        case "STRUCT":
            return _structure(json, type, depth)
        case "MAP":
            return _map(json, type, depth)
        case _:
            return _list(json, type, depth)


def repeats(json: str, names: list[str]) -> str:
    """SQL that is TRUE when one of the names stands in a JSON object twice."""
    found = f"list_filter(json_keys({json}), lambda k: list_contains({literal_list(names)}, k))"
    return f"length({found}) <> length(list_distinct({found}))"


def _is_taken_apart(type: DataType) -> bool:
    """Whether a cast of the whole would not do: of structures, and of what holds times that may have zones."""
    inner = [part for part in (type.key, type.element) if part is not None]
    return type.name == "STRUCT" or any(part.name in _times or _is_taken_apart(part) for part in inner)


def _present(json: str) -> str:
    return f"({json} IS NOT NULL AND json_type({json}) <> 'NULL')"


def _simple(json: str, type: DataType) -> JsonValue:
    if type.name == "VARCHAR":
        return JsonValue(f"json_extract_string({json}, '$')", "FALSE")
    value = (
        f"TRY(CAST({json} AS {type}))" if type.name not in _times else _time(f"json_extract_string({json}, '$')", type)
    )
    return JsonValue(value, f"({_present(json)} AND {value} IS NULL)")


def _time(text: str, type: DataType) -> str:
    """A moment; casts of JSON do not know the names of zones."""
    return moment(text) if type.name == "TIMESTAMP" else f"TRY_CAST({text} AS {type})"


def _structure(json: str, type: DataType, depth: int) -> JsonValue:
    spec = ", ".join(f"{quote_text(field.name)}: 'JSON'" for field in type.fields)
    members = f"json_transform({json}, to_json({{{spec}}}))"
    inner = {
        field.name: json_value(f"struct_extract({members}, {quote_text(field.name)})", field.type, depth)
        for field in type.fields
    }
    packed = ", ".join(f"{quote_text(name)}: {member.value}" for name, member in inner.items())
    wrong = [repeats(json, list(inner)), *(member.misfit for member in inner.values() if member.misfit != "FALSE")]
    is_object = f"json_type({json}) = 'OBJECT'"
    return JsonValue(
        f"CASE WHEN {is_object} THEN {{{packed}}} END",
        f"({_present(json)} AND CASE WHEN {is_object} THEN {' OR '.join(wrong)} ELSE TRUE END)",
    )


def _list(json: str, type: DataType, depth: int) -> JsonValue:
    element, name = type.element or DataType("VARCHAR"), f"_hw_e{depth}"
    inner = json_value(name, element, depth + 1)
    elements = f"CAST({json} AS JSON[])"
    wrong = f"len(list_filter({elements}, lambda {name}: {inner.misfit})) > 0"
    value = f"list_transform({elements}, lambda {name}: {inner.value})"
    if type.name == "ARRAY":
        wrong += f" OR len({elements}) <> {type.arguments[0]}"
        value = f"TRY(CAST({value} AS {type}))"
    is_array = f"json_type({json}) = 'ARRAY'"
    return JsonValue(
        f"CASE WHEN {is_array} THEN {value} END",
        f"({_present(json)} AND CASE WHEN {is_array} THEN {wrong} ELSE TRUE END)",
    )


def _map(json: str, type: DataType, depth: int) -> JsonValue:
    key, element, name = type.key or DataType("VARCHAR"), type.element or DataType("VARCHAR"), f"_hw_e{depth}"
    inner = json_value(name, element, depth + 1)
    timed = key.name in _times
    entries = f"TRY(CAST({json} AS MAP({'VARCHAR' if timed else key}, JSON)))"
    keys = f"map_keys({entries})"
    values = f"list_transform(map_values({entries}), lambda {name}: {inner.value})"
    wrong = f"{entries} IS NULL OR len(list_filter(map_values({entries}), lambda {name}: {inner.misfit})) > 0"
    sound = f"{entries} IS NOT NULL"
    if timed:
        odd = f"len(list_filter({keys}, lambda {name}: {_time(name, key)} IS NULL)) > 0"
        keys = f"list_transform({keys}, lambda {name}: {_time(name, key)})"
        sound, wrong = f"{sound} AND NOT {odd}", f"{wrong} OR {odd}"
    return JsonValue(
        f"CASE WHEN {sound} THEN map({keys}, {values}) END",
        f"({_present(json)} AND ({wrong}))",
    )
