"""Checking a contract against the official ODCS 3.2.0 schema, with errors a person can act on.

Apart from the reader of contracts because the schema's own words (unions,
conditions, unevaluated keys) need translation; the schema itself comes from the
package ``open-data-contract-standard``. The validator is loaded with the first
contract, since many workspaces have none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, cast

from headwater.errors import DeclarationError, did_you_mean
from headwater.spec.acceptor import UnsupportedSchema, acceptor
from headwater.spec.documents import Document, Path
from headwater.spec.places import describe, path_text, unknown_key, value_at
from headwater.types import Json

if TYPE_CHECKING:
    from jsonschema import Draft201909Validator
    from jsonschema.exceptions import ValidationError

__all__ = ["API_VERSION", "official_schema", "validate_contract"]

API_VERSION: Final = "v3.2.0"
"""The version of the standard that headwater writes."""


def validate_contract(document: Document) -> list[DeclarationError]:
    """Everything in which a document departs from the standard, in the order of the file."""
    if _accepts()(document.data):
        return []
    errors: dict[tuple[Path, str], DeclarationError] = {}
    suspicious, left = _suspicious(document.data)
    for found in _flatten(_validator().iter_errors(suspicious)):
        for path, error in _translate(document, found, _original(tuple(found.absolute_path), left)):
            errors.setdefault((path, error.message), error)
    return _without_echoes(errors)


@cache
def official_schema() -> Mapping[str, Any]:
    """The JSON Schema of ODCS, as the standard publishes it."""
    text = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return cast("Mapping[str, Any]", json.loads(text))


@cache
def _accepts(at: str = "#") -> Callable[[Json], bool]:
    try:
        return acceptor(official_schema(), at)
    except UnsupportedSchema:
        # A later release of the standard's package: slower, and as right as before.
        return lambda _: False


def _suspicious(data: Json) -> tuple[Json, Mapping[int, list[int]]]:
    """The document without its sound columns, and by schema object the positions of those that are left.

    Explaining takes milliseconds a column, and sound ones need no explanation.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("schema"), list):
        return data, {}
    is_sound = _accepts("#/$defs/SchemaProperty")
    objects = list(cast("list[Json]", data["schema"]))
    left: dict[int, list[int]] = {}
    for index, schema in enumerate(objects):
        columns = schema.get("properties") if isinstance(schema, Mapping) else None
        if isinstance(schema, Mapping) and isinstance(columns, list):
            left[index] = [position for position, column in enumerate(columns) if not is_sound(column)]
            objects[index] = {**schema, "properties": [columns[position] for position in left[index]]}
    return {**data, "schema": objects}, left


def _original(path: Path, left: Mapping[int, list[int]]) -> Path:
    """The path of a value in the whole document, given its path among what was left."""
    match path:
        case ("schema", int(index), "properties", int(position), *rest) if index in left:
            return ("schema", index, "properties", left[index][position], *rest)
        case _:
            return path


@cache
def _validator() -> Draft201909Validator:
    from jsonschema import Draft201909Validator

    return Draft201909Validator(official_schema())


def _flatten(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Each error by itself; of a union the branch that comes nearest."""
    for error in errors:
        if error.validator in ("anyOf", "oneOf") and error.context:
            yield from _of_union(error)
        else:
            yield error


def _of_union(error: ValidationError) -> Iterator[ValidationError]:
    from jsonschema.exceptions import best_match

    context = list(error.context or ())
    inside = [inner for inner in context if inner.relative_path]
    beside = [inner for inner in context if inner.validator not in ("type", "required")]
    nearest = best_match(iter(inside or beside)) if inside or beside else None
    if nearest is None:
        yield error
    else:
        yield from _flatten([nearest])


def _translate(document: Document, error: ValidationError, path: Path) -> Iterator[tuple[Path, DeclarationError]]:
    name = path_text(path) or "the contract"
    found = describe(cast("Json", error.instance))
    where = document.where(path)
    match error.validator:
        case "additionalProperties" | "unevaluatedProperties":
            known = _known_keys(document, path, error)
            for key in _unknown_keys(error):
                if key not in known:
                    yield (*path, key), unknown_key(document, (*path, key), known)
        case "required":
            yield path, _missing(document, path, error)
        case "type":
            wanted = error.validator_value
            wanted = wanted if isinstance(wanted, list) else [wanted]
            message = f"{name} must be {' or '.join(_words[kind] for kind in wanted)}, but is {found}"
            yield path, DeclarationError(message, where=where)
        case "enum" | "const":
            valid = error.validator_value if error.validator == "enum" else [error.validator_value]
            hint = did_you_mean(str(error.instance), map(str, cast("list[Json]", valid)))
            yield path, DeclarationError(f"{name} cannot be {found}", hint=hint, where=where)
        case "pattern":
            yield path, _bad_pattern(name, found, error, document, path)
        case "anyOf" | "oneOf":
            yield path, _bad_union(name, found, error, document, path)
        case "not":
            yield path, DeclarationError(f"{name}: 'from' cannot stand here", detail=_why(error), where=where)
        case _:
            reason = _limits.get(str(error.validator), "{}: {}").format(error.validator_value, error.message)
            yield path, DeclarationError(f"{name} {reason}", where=where)


_words: Final[Mapping[str, str]] = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}

_limits: Final[Mapping[str, str]] = {
    "minItems": "must have at least {0} entries",
    "maxItems": "must have at most {0} entries",
    "minimum": "must be at least {0}",
    "exclusiveMinimum": "must be greater than {0}",
    "uniqueItems": "has the same entry twice",
}


def _missing(document: Document, path: Path, error: ValidationError) -> DeclarationError:
    instance = cast("Mapping[str, Json]", error.instance)
    key = next(key for key in cast("list[str]", error.validator_value) if error.message.startswith(repr(key)))
    if key == "map" and "logicalType" not in instance:
        # The standard's conditions on logicalType hold for every type when it is absent.
        key = "logicalType"
    inside = path_text(path)
    hint = f"write apiVersion: {API_VERSION}" if key == "apiVersion" else None
    message = f"'{key}' is missing" + (f" in {inside}" if inside else "")
    return DeclarationError(message, hint=hint, where=document.where(path))


def _bad_pattern(name: str, found: str, error: ValidationError, document: Document, path: Path) -> DeclarationError:
    if path[-1] == "id":
        hint = "an id has letters, digits, '-' and '_'"
    elif "relationships" in path:
        hint = "write schema.column, product.schema.column, or schema/<id>/properties/<id>"
    else:
        hint = f"it must match the pattern {error.validator_value}"
    return DeclarationError(f"{name} cannot be {found}", hint=hint, where=document.where(path))


def _bad_union(name: str, found: str, error: ValidationError, document: Document, path: Path) -> DeclarationError:
    where = document.where(path)
    context = list(error.context or ())
    if context and all(inner.validator == "required" for inner in context):
        keys = [str(cast("list[str]", inner.validator_value)[0]) for inner in context]
        return DeclarationError(f"{name} needs one of the comparisons", hint=", ".join(keys), where=where)
    if not context:
        return DeclarationError(f"{name} has more than one comparison", hint="keep one of them", where=where)
    kinds = [str(inner.validator_value) for inner in context if inner.validator == "type"]
    wanted = " or ".join(dict.fromkeys(_words.get(kind, kind) for kind in kinds))
    return DeclarationError(f"{name} must be {wanted or 'something else'}, but is {found}", where=where)


def _why(error: ValidationError) -> str | None:
    schema = error.schema
    return str(schema["description"]) if isinstance(schema, Mapping) and "description" in schema else None


def _unknown_keys(error: ValidationError) -> list[str]:
    instance = cast("Mapping[str, Json]", error.instance)
    if error.validator == "additionalProperties":
        known = cast("Mapping[str, Any]", error.schema).get("properties", {})
        return [key for key in instance if key not in known]
    # The message names the keys that no branch evaluated, those of failing branches among them.
    return [key for key in instance if f"'{key}'" in error.message]


def _known_keys(document: Document, path: Path, error: ValidationError) -> set[str]:
    """The keys that may stand at a path: those of the schema and of every branch that applies."""
    keys: set[str] = set()
    pending: list[Any] = [error.schema]
    seen: set[int] = set()
    while pending:
        schema = pending.pop()
        if not isinstance(schema, Mapping) or id(schema) in seen:
            continue
        seen.add(id(schema))
        keys.update(schema.get("properties", {}))
        pending.extend(schema.get("allOf", ()))
        pending.extend(schema.get("oneOf", ()))
        if "if" in schema and _applies(schema["if"], value_at(document.data, path)):
            pending.append(schema.get("then"))
        if "$ref" in schema:
            pending.append(_referred(str(schema["$ref"])))
    return keys


def _referred(pointer: str) -> Any:
    found: Any = official_schema()
    for step in pointer.removeprefix("#/").split("/"):
        found = found[step]
    return found


def _applies(condition: Any, instance: Json) -> bool:
    return not any(_validator().evolve(schema=condition).iter_errors(instance))


def _without_echoes(errors: Mapping[tuple[Path, str], DeclarationError]) -> list[DeclarationError]:
    """Drop what only follows from a missing logicalType: the conditions of every type then hold for the options."""
    untyped = {path for (path, message) in errors if message.startswith("'logicalType' is missing")}
    echoing = {(*path, "logicalTypeOptions") for path in untyped}
    kept = [error for (path, _), error in errors.items() if not any(path[: len(at)] == at for at in echoing)]
    return sorted(kept, key=_place)


def _place(error: DeclarationError) -> tuple[int, int]:
    where = error.where
    return (where.line or 0, where.column or 0) if where else (0, 0)
