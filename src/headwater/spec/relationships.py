"""ODCS relationships (foreign keys) to references.

Apart from the contract reader because the standard has two notations: names
(``airports.faa``, in headwater also ``fleet.airports.faa``) and ids
(``schema/airports_obj/properties/faa_prop``), which are resolved here.
"""

from __future__ import annotations

from collections.abc import Sequence

from headwater.errors import DeclarationError
from headwater.spec.contract import Reference
from headwater.spec.documents import Document, Path
from headwater.spec.places import Element, elements
from headwater.types import Json
from headwater.values import frozen

__all__ = ["Names", "RelationshipReader"]


class Names:
    """The names and ids of a contract file's schema objects and properties."""

    def __init__(self, objects: Sequence[Element]) -> None:
        self._columns: dict[tuple[str, str], str] = {}
        self._ids: dict[tuple[str, str], tuple[str, str]] = {}
        for schema in objects:
            name = str(schema["name"])
            for element in elements(schema.get("properties")):
                column = str(element.get("physicalName") or element["name"])
                self._columns[name, str(element["name"])] = column
                if "id" in schema and "id" in element:
                    self._ids[str(schema["id"]), str(element["id"])] = (name, column)

    def resolve(self, text: str) -> tuple[str, str] | None:
        """A relation and its column; None when the ids stand in no object of this file."""
        if "/" not in text:
            relation, _, column = text.rpartition(".")
            return relation, self._columns.get((relation, column), column)
        match text.rpartition("#")[2].strip("/").split("/"):
            case ["schema", schema, "properties", element]:
                return self._ids.get((schema, element))
            case _:
                return None


@frozen
class RelationshipReader:
    """Reads the relationships of one contract file; what is wrong is added to ``errors``."""

    document: Document
    names: Names
    errors: list[DeclarationError]

    def read(self, schema: Element, path: Path) -> tuple[Reference, ...]:
        """All references of a schema object: its own relationships, then those of its properties."""
        found: list[Reference | None] = []
        for index, entry in enumerate(elements(schema.get("relationships"))):
            at = (*path, "relationships", index)
            found.append(self._reference(at, _texts(entry["from"]), _texts(entry["to"])))
        for position, element in enumerate(elements(schema.get("properties"))):
            own = f"{schema['name']}.{element['name']}"
            for index, entry in enumerate(elements(element.get("relationships"))):
                at = (*path, "properties", position, "relationships", index)
                found.append(self._reference(at, [own], _texts(entry["to"])))
        return tuple(reference for reference in found if reference)

    def _reference(self, path: Path, sources: list[str], targets: list[str]) -> Reference | None:
        if len(sources) != len(targets):
            message = f"the relationship has {len(sources)} columns on one side and {len(targets)} on the other"
            self._refuse(message, path)
            return None
        resolved = [self.names.resolve(text) for text in (*sources, *targets)]
        unknown = [text for text, found in zip((*sources, *targets), resolved, strict=True) if found is None]
        if unknown:
            hint = "refer to other files by name: product.schema.column"
            self._refuse(f"'{unknown[0]}' names nothing in this contract", path, hint)
            return None
        ends = [end for end in resolved if end]
        from_, to = ends[: len(sources)], ends[len(sources) :]
        relations = {relation for relation, _ in to}
        if len(relations) > 1:
            self._refuse(f"the relationship leads to several relations: {', '.join(sorted(relations))}", path)
            return None
        columns = tuple(column for _, column in from_)
        return Reference(columns, to[0][0], tuple(column for _, column in to), self.document.where(path))

    def _refuse(self, message: str, path: Path, hint: str | None = None) -> None:
        self.errors.append(DeclarationError(message, hint=hint, where=self.document.where(path)))


def _texts(value: Json) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
