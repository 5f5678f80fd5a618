"""Product descriptors (``*.odps.yaml``) to values.

Apart from the standard's shape (:mod:`headwater.spec.odps`): here is what
headwater makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from headwater.errors import DeclarationError, DeclarationErrors
from headwater.spec.documents import Document
from headwater.spec.product import InputPort, OutputPort, Product
from headwater.spec.shapes import shape_errors
from headwater.types import Json

__all__ = ["to_product"]

Element = Mapping[str, Json]


def to_product(document: Document, name: str, folder: str) -> Product:
    """Read a product descriptor; the product is named as its folder.

    Raises:
        DeclarationErrors: all that is wrong with the descriptor by itself.
    """
    errors = shape_errors("product", document)
    if errors:
        raise DeclarationErrors(errors)
    data = cast("Element", document.data)
    errors = _duplicate_ports(document, data)
    if errors:
        raise DeclarationErrors(errors)
    return Product(
        name=name,
        folder=folder,
        descriptor=data,
        id=_text(data, "id"),
        domain=_text(data, "domain"),
        owner=_owner(cast("Element", data.get("team") or {})),
        purpose=_text(cast("Element", data.get("description") or {}), "purpose"),
        input_ports=tuple(
            InputPort(
                str(port["name"]),
                _text(port, "version"),
                _text(port, "contractId"),
                document.where(("inputPorts", index, "name")),
            )
            for index, port in enumerate(_elements(data, "inputPorts"))
        ),
        output_ports=tuple(
            OutputPort(
                str(port["name"]),
                _text(port, "version"),
                _text(port, "contractId"),
                _text(port, "description"),
                document.where(("outputPorts", index, "name")),
            )
            for index, port in enumerate(_elements(data, "outputPorts"))
        ),
        where=document.where(()),
    )


def _owner(team: Element) -> str | None:
    """The team that answers for the product, else the member who is its owner."""
    owners = [member for member in _elements(team, "members") if "owner" in str(member.get("role")).casefold()]
    named = [_text(owner, "name") or _text(owner, "username") for owner in owners]
    return _text(team, "name") or (named[0] if named else None)


def _duplicate_ports(document: Document, data: Element) -> list[DeclarationError]:
    errors: list[DeclarationError] = []
    for key in ("inputPorts", "outputPorts"):
        seen: set[tuple[str, Json]] = set()
        for index, port in enumerate(_elements(data, key)):
            name, version = str(port["name"]), port.get("version")
            if (name.casefold(), version) in seen:
                which = f"'{name}'" + (f" of version {version}" if version else "")
                where = document.where((key, index, "name"))
                errors.append(DeclarationError(f"the port {which} stands in {key} twice", where=where))
            seen.add((name.casefold(), version))
    return errors


def _elements(data: Element, key: str) -> list[Element]:
    return cast("list[Element]", data.get(key) or [])


def _text(data: Element, key: str) -> str | None:
    return cast("str | None", data.get(key))
