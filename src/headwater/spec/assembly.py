"""Settings files (``headwater.yaml``, ``sources.yaml``) to values.

Apart from their models because values carry places, resolved connections and
parsed schemas, and because secrets in clear are refused on the way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Any, Final, cast

from headwater.errors import DeclarationError, DeclarationErrors, did_you_mean
from headwater.spec.changes import to_changes
from headwater.spec.clear_secrets import clear_secrets
from headwater.spec.declarations import Connection, Environment, EpochSize, Lake, Source
from headwater.spec.documents import Document, Path
from headwater.spec.files import confined
from headwater.spec.models import identifier_problem
from headwater.spec.places import path_text
from headwater.spec.secrets import REFERENCE
from headwater.spec.shapes import shape_errors
from headwater.types import Column, DataType, Json, RelationName, Schema, TypeSyntaxError, type_names
from headwater.values import frozen

__all__ = ["DeclaredSource", "Settings", "to_settings", "to_sources"]

Element = Mapping[str, Json]
SOURCE_KEYS: Final = ("kind", "connection", "columns", "contract", "bounded", "changes")
"""What headwater itself reads of a source."""


@frozen
class DeclaredSource:
    """A source as written: its ``contract`` is still a path, its ``connection`` a name."""

    source: Source
    contract: str | None
    connection: str | None
    document: Document
    path: Path


@frozen
class Settings:
    """What ``headwater.yaml`` says."""

    name: str
    environments: Mapping[str, Environment]
    default_environment: str
    connections: Mapping[str, Connection] = field(default_factory=dict)
    sources: tuple[DeclaredSource, ...] = ()


def to_settings(document: Document) -> Settings:
    """Read ``headwater.yaml``. Raises DeclarationErrors with all that is wrong in it."""
    wrong = shape_errors("headwater", document)
    errors = wrong + [
        error for key in ("environments", "connections", "sources") for error in clear_secrets(document, (key,))
    ]
    if wrong:
        raise DeclarationErrors(errors)
    data = cast("Element", document.data)
    environments = {
        name: _environment(document, name, environment, errors)
        for name, environment in _elements(data, "environments").items()
    } or {"dev": Environment("dev")}
    connections = {
        name: Connection(
            name, str(value["kind"]), _without(value, ("kind",)), document.where_key(("connections", name))
        )
        for name, value in _elements(data, "connections").items()
    }
    default = str(data.get("default_environment") or ("dev" if "dev" in environments else next(iter(environments))))
    if default not in environments:
        where = document.where(("default_environment",))
        hint = did_you_mean(default, environments)
        errors.append(DeclarationError(f"there is no environment '{default}'", hint=hint, where=where))
    name = str(data["name"])
    sources = _sources(document, name, errors)
    if errors:
        raise DeclarationErrors(errors)
    return Settings(name, environments, default, connections, sources)


def to_sources(document: Document, product: str) -> tuple[DeclaredSource, ...]:
    """Read a product's ``sources.yaml``. Raises DeclarationErrors with all that is wrong in it."""
    wrong = shape_errors("sources", document)
    errors = wrong + clear_secrets(document, ("sources",))
    sources = () if wrong else _sources(document, product, errors)
    if errors:
        raise DeclarationErrors(errors)
    return sources


def _environment(document: Document, name: str, found: Element, errors: list[DeclarationError]) -> Environment:
    at: Path = ("environments", name)
    lake = Lake(**cast("dict[str, Any]", found.get("lake", {})))
    problem = None if "://" in lake.path else confined(lake.path)
    if problem:
        hint = "write a folder below the workspace, or a URI"
        where = document.where((*at, "lake", "path"))
        errors.append(DeclarationError(f"the lake '{lake.path}' cannot be used: {problem}", hint=hint, where=where))
    epoch = EpochSize(**cast("dict[str, Any]", found.get("epoch", {})))
    values = {**cast("dict[str, Any]", found), "lake": lake, "epoch": epoch}
    return Environment(name=name, **values, where=document.where_key(at))


def _sources(document: Document, product: str, errors: list[DeclarationError]) -> tuple[DeclaredSource, ...]:
    own = document.file.path.rpartition("/")[0] != ""
    sources: list[DeclaredSource] = []
    for key, value in _elements(cast("Element", document.data), "sources").items():
        at: Path = ("sources", key)
        before, dot, after = key.partition(".")
        relation = RelationName(before, after) if dot else RelationName(product, key)
        problem = identifier_problem(relation.product, "product") or identifier_problem(relation.name, "source")
        if problem:
            hint = "a source is named by letters, digits and underscores: name, or product.name"
            errors.append(DeclarationError(problem, hint=hint, where=document.where_key(at)))
            continue
        if own and relation.product != product:
            hint = f"name it {relation.name}, or declare it in headwater.yaml"
            message = f"a source of '{relation.product}' cannot be declared in '{product}'"
            errors.append(DeclarationError(message, hint=hint, where=document.where_key(at)))
        source = Source(
            relation=relation,
            kind=str(value.get("kind", "files")),
            options=(options := _without(value, SOURCE_KEYS)),
            schema=_schema(document, (*at, "columns"), cast("Mapping[str, str] | None", value.get("columns")), errors),
            bounded=value.get("bounded", False) is True,
            where=document.where_key(at),
            option_places={name: document.where_key((*at, name)) for name in options},
            changes=to_changes(document, (*at, "changes"), cast("Element | None", value.get("changes"))),
        )
        errors.extend(_reference_errors(at, source))
        errors.extend(_path_errors(document, at, source, value.get("contract")))
        contract, connection = (cast("str | None", value.get(name)) for name in ("contract", "connection"))
        sources.append(DeclaredSource(source, contract, connection, document, at))
    return tuple(sources)


def _reference_errors(at: Path, source: Source) -> list[DeclarationError]:
    """References to what differs between machines: a source's rows, and so its options, are the same everywhere."""
    return [
        DeclarationError(
            f"{path_text((*at, name))} holds '{found[0]}', and references are for connections and environments",
            detail="what a source reads is part of every fingerprint below it",
            hint="write the value out; what differs between machines belongs into the options of a connection",
            where=source.place_of(name),
        )
        for name, value in source.options.items()
        for text in (value if isinstance(value, list) else [value])
        if isinstance(text, str) and (found := REFERENCE.search(text))
    ]


def _path_errors(document: Document, at: Path, source: Source, contract: Json) -> list[DeclarationError]:
    paths: list[tuple[Path, Json]] = [((*at, "contract"), contract)]
    if source.kind == "files":
        found = source.options.get("path")
        paths.append(((*at, "path"), found))
        paths.extend(
            ((*at, "path", index), path) for index, path in enumerate(found if isinstance(found, list) else ())
        )
    return [
        DeclarationError(
            f"{path_text(place)} cannot be '{path}': {problem}",
            hint="paths are relative to the workspace and stay inside it",
            where=document.where(place),
        )
        for place, path in paths
        if isinstance(path, str) and (problem := confined(path))
    ]


def _schema(
    document: Document, at: Path, columns: Mapping[str, str] | None, errors: list[DeclarationError]
) -> Schema | None:
    if columns is None:
        return None
    parsed: list[Column] = []
    seen: set[str] = set()
    for name, text in columns.items():
        if name.casefold() in seen:
            detail = "names are compared without regard to case"
            where = document.where_key((*at, name))
            errors.append(DeclarationError(f"the column '{name}' stands here twice", detail=detail, where=where))
        seen.add(name.casefold())
        try:
            parsed.append(Column(name, _column_type(text)))
        except TypeSyntaxError as error:
            hint = "types are written as in DuckDB: bigint, decimal(12,2), varchar, timestamptz, integer[]"
            errors.append(DeclarationError(str(error), hint=hint, where=document.where((*at, name))))
    return Schema(tuple(parsed))


def _column_type(text: str) -> DataType:
    parsed = DataType.parse(text)
    for part in parsed.parts:
        if part.name not in type_names:
            raise TypeSyntaxError(f"'{text}' is not a column type: there is no type '{part.name.lower()}'")
    return parsed


def _elements(data: Element, key: str) -> Mapping[str, Element]:
    return cast("Mapping[str, Element]", data.get(key, {}))


def _without(data: Element, keys: Collection[str]) -> Element:
    """What belongs to the connector: all but our own keys."""
    return {name: value for name, value in data.items() if name not in keys}
