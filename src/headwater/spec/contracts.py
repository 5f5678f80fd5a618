"""Contracts (``*.odcs.yaml``, ODCS 3.2.0) to values, one for each schema object.

Apart from the check against the standard (:mod:`headwater.spec.odcs`): here is
what headwater makes of a sound document. Measures and dimensions
(``semanticType``) are no columns and are left out; a column is called by its
``physicalName`` when it has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, cast

from headwater.errors import DeclarationError, DeclarationErrors, Location, did_you_mean
from headwater.spec.contract import Contract, Property, QualityRule, Reference, Severity
from headwater.spec.documents import Document, Path
from headwater.spec.logical_types import column_type
from headwater.spec.odcs import validate_contract
from headwater.spec.places import Element, elements
from headwater.spec.promises import Promises, read_promises
from headwater.spec.relationships import Names, RelationshipReader
from headwater.types import Json

__all__ = ["to_contracts"]

_Kind: TypeAlias = Literal["library", "sql", "text", "custom"]

_operators: Final = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)
_severities: Final[Mapping[str, Severity]] = {
    "info": "info",
    "low": "info",
    "warn": "warning",
    "warning": "warning",
    "medium": "warning",
}


def to_contracts(document: Document) -> tuple[Contract, ...]:
    """Read a contract file.

    Raises:
        DeclarationErrors: all that is wrong with the file by itself.
    """
    errors = validate_contract(document)
    if errors:
        raise DeclarationErrors(errors)
    reader = _Reader(document)
    contracts = reader.read()
    if reader.errors:
        raise DeclarationErrors(reader.errors)
    return contracts


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._data = cast("Element", document.data)
        self.errors: list[DeclarationError] = []

    def read(self) -> tuple[Contract, ...]:
        objects = elements(self._data.get("schema"))
        shared = read_promises(self._document, ("customProperties",), self.errors)
        if len(objects) > 1:
            self._refuse_shared(shared.references)
        relationships = RelationshipReader(self._document, Names(objects), self.errors)
        self._check_unique([str(schema["name"]) for schema in objects], ("schema",), "schema object")
        return tuple(
            self._contract(schema, ("schema", index), shared, relationships) for index, schema in enumerate(objects)
        )

    def _contract(self, schema: Element, path: Path, shared: Promises, relationships: RelationshipReader) -> Contract:
        own = read_promises(self._document, (*path, "customProperties"), self.errors)
        properties = self._properties(schema.get("properties"), (*path, "properties"))
        columns = {column.name.casefold() for column in properties}
        event_time = own.event_time or shared.event_time
        references = (*shared.references, *own.references, *relationships.read(schema, path))
        if event_time and columns and event_time.column.casefold() not in columns:
            self._no_column(event_time.column, properties, event_time.where)
        for reference in references if columns else ():
            for column in reference.columns:
                if column.casefold() not in columns:
                    self._no_column(column, properties, reference.where)
        return Contract(
            id=str(self._data["id"]),
            version=str(self._data["version"]),
            relation=str(schema["name"]),
            path=self._document.file.path,
            properties=properties,
            rules=self._rules(schema.get("quality"), (*path, "quality"), None),
            references=references,
            budget=own.budget or shared.budget,
            event_time=event_time,
            status=cast("str | None", self._data.get("status")),
            document=self._data,
            where=self._document.where(path),
        )

    def _properties(self, found: Json, path: Path) -> tuple[Property, ...]:
        columns = [
            (element, (*path, index))
            for index, element in enumerate(elements(found))
            if element.get("semanticType", "column") == "column"
        ]
        properties = tuple(self._property(element, at) for element, at in columns)
        self._check_unique([column.name for column in properties], path, "column", [at for _, at in columns])
        return properties

    def _property(self, element: Element, path: Path) -> Property:
        name = str(element.get("physicalName") or element.get("name"))
        options = cast("Element", element.get("logicalTypeOptions") or {})
        entries = cast("Element", element.get("map") or {})
        return Property(
            name=name,
            logical_type=cast("str | None", element.get("logicalType")),
            type=column_type(element),
            required=element.get("required") is True,
            unique=element.get("unique") is True,
            primary_key_position=self._key_position(element, path),
            options=options,
            enum=tuple(entry["value"] for entry in elements(element.get("enum"))),
            rules=self._rules(element.get("quality"), (*path, "quality"), name),
            properties=self._properties(element.get("properties"), (*path, "properties")),
            items=self._part(element.get("items"), (*path, "items"), name)
            or self._part(entries.get("value"), (*path, "map", "value"), name),
            map_key=self._part(entries.get("key"), (*path, "map", "key"), name),
            description=cast("str | None", element.get("description")),
            classification=cast("str | None", element.get("classification")),
            where=self._document.where((*path, "name")),
        )

    def _part(self, element: Json, path: Path, name: str) -> Property | None:
        """What the items of a list, or the keys or values of a map, promise."""
        return self._property({"name": name, **element}, path) if isinstance(element, Mapping) else None

    def _key_position(self, element: Element, path: Path) -> int | None:
        """The declared position, else the line in the file: key columns without one keep their order."""
        if element.get("primaryKey") is not True:
            return None
        declared = element.get("primaryKeyPosition")
        return declared if isinstance(declared, int) and declared > 0 else self._document.values[path][0]

    def _rules(self, found: Json, path: Path, column: str | None) -> tuple[QualityRule, ...]:
        return tuple(self._rule(rule, (*path, index), column) for index, rule in enumerate(elements(found)))

    def _rule(self, rule: Element, path: Path, column: str | None) -> QualityRule:
        kind = cast("_Kind", rule.get("type") or ("library" if "metric" in rule else "text"))
        operator = next((name for name in _operators if name in rule), None)
        unit = rule.get("unit", "rows")
        if kind == "library" and unit not in ("rows", "percent"):
            where = self._document.where((*path, "unit"))
            message = f"the unit '{unit}' cannot be evaluated"
            self.errors.append(
                DeclarationError(message, hint=did_you_mean(str(unit), ("rows", "percent")), where=where)
            )
        return QualityRule(
            type=kind,
            name=cast("str | None", rule.get("name")),
            metric=cast("str | None", rule.get("metric")),
            query=cast("str | None", rule.get("query")),
            operator=operator,
            threshold=rule[operator] if operator else None,
            unit="percent" if unit == "percent" else "rows",
            column=column,
            arguments=cast("Mapping[str, Json]", rule.get("arguments") or {}),
            severity=_severities.get(str(rule.get("severity", "error")).casefold(), "error"),
            description=cast("str | None", rule.get("description")),
            where=self._document.where(path),
        )

    def _check_unique(self, names: Sequence[str], path: Path, what: str, at: Sequence[Path] | None = None) -> None:
        seen: set[str] = set()
        for index, name in enumerate(names):
            if name.casefold() in seen:
                where = self._document.where((*(at[index] if at else (*path, index)), "name"))
                detail = "names are compared without regard to case"
                self.errors.append(
                    DeclarationError(f"the {what} '{name}' stands here twice", detail=detail, where=where)
                )
            seen.add(name.casefold())

    def _refuse_shared(self, references: Sequence[Reference]) -> None:
        for reference in references:
            message = "a reference at the head of a contract with several schema objects belongs to none of them"
            hint = "move it to customProperties of the object it is about"
            self.errors.append(DeclarationError(message, hint=hint, where=reference.where))

    def _no_column(self, name: str, properties: Sequence[Property], where: Location | None) -> None:
        hint = did_you_mean(name, [column.name for column in properties])
        self.errors.append(DeclarationError(f"there is no column '{name}'", hint=hint, where=where))
