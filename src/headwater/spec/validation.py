"""Checking a document against a model, with errors that point into the file.

Apart from the models so that each of them is only a description: this module
turns what pydantic finds into located errors in the user's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headwater.errors import DeclarationError, did_you_mean
from headwater.spec.documents import Document, Path
from headwater.spec.places import describe, path_text, unknown_key, value_at

__all__ = ["validate"]


def validate(model: type[BaseModel], document: Document, at: Path = ()) -> list[DeclarationError]:
    """Everything in which the value at a path of a document departs from a model."""
    try:
        model.model_validate(value_at(document.data, at))
    except ValidationError as found:
        schema = model.model_json_schema(by_alias=True)
        return [_to_error(error, document, at, schema) for error in _telling(found.errors(include_url=False))]
    return []


def _telling(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Of the errors at one place, the first: branches of a union repeat themselves."""
    kept: dict[tuple[int | str, ...], ErrorDetails] = {}
    for error in errors:
        kept.setdefault(error["loc"], error)
    return list(kept.values())


def _to_error(error: ErrorDetails, document: Document, at: Path, schema: Mapping[str, Any]) -> DeclarationError:
    path: Path = (*at, *error["loc"])
    name = path_text(path)
    found = describe(value_at(document.data, path))
    where = document.where(path)
    match error["type"]:
        case "extra_forbidden":
            return unknown_key(document, path, _keys_at(schema, error["loc"][:-1]))
        case "missing":
            inside = path_text(path[:-1])
            message = f"'{path[-1]}' is missing" + (f" in {inside}" if inside else "")
            return DeclarationError(message, where=document.where(path[:-1]))
        case "literal_error":
            node = _node_at(schema, error["loc"])
            valid = [str(value) for value in node.get("enum", [node.get("const")])]
            hint = did_you_mean(str(value_at(document.data, path)), valid)
            return DeclarationError(f"{name} cannot be {found}", hint=hint, where=where)
        case "value_error":
            return DeclarationError(f"{name}: {error['ctx']['error']}", where=where)
        case kind if kind in _expected:
            message = f"{name or 'the file'} must be {_expected[kind]}, but is {found}"
            return DeclarationError(message, hint=_comma_hint(path), where=where)
        case _:
            reason = error["msg"].replace("Input should", "must").replace("String should", "must")
            return DeclarationError(f"{name} {reason}, but is {found}", where=where)


def _comma_hint(path: Path) -> str | None:
    """What a text with a comma becomes inside braces: ``{price: decimal(12,2)}`` has a key ``2)``."""
    if isinstance(path[-1] if path else None, str) and str(path[-1]).endswith(")"):
        return "inside { } a comma ends the value: quote what holds one, such as 'decimal(12,2)'"
    return None


_expected: Mapping[str, str] = {
    "string_type": "a string",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "too_short": "a list with entries",
}


def _keys_at(schema: Mapping[str, Any], path: Iterable[int | str]) -> list[str]:
    return list(_node_at(schema, path).get("properties", ()))


def _node_at(schema: Mapping[str, Any], path: Iterable[int | str]) -> Mapping[str, Any]:
    """Follow a path through a JSON Schema made by pydantic."""
    node = _resolve(schema, schema)
    for step in path:
        child = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        if child is None:
            child = next(iter(node.get("patternProperties", {}).values()), node.get("additionalProperties"))
        if not isinstance(child, Mapping):
            return {}
        node = _resolve(child, schema)
    return node


def _resolve(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while True:
        if "$ref" in node:
            node = schema["$defs"][str(node["$ref"]).rpartition("/")[2]]
        elif "anyOf" in node:
            node = next((option for option in node["anyOf"] if option.get("type") != "null"), {})
        else:
            return node
