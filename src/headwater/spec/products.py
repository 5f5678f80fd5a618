"""Product descriptors (``*.odps.yaml``) to values.

Apart from the standard's shape (:mod:`headwater.spec.odps`): here is what
headwater makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from headwater.errors import DeclarationError, DeclarationErrors
from headwater.spec.documents import Document
from headwater.spec.odps import DataProductFile
from headwater.spec.product import InputPort, OutputPort, Product
from headwater.spec.validation import validate
from headwater.types import Json

__all__ = ["to_product"]


def to_product(document: Document, name: str, folder: str) -> Product:
    """Read a product descriptor; the product is named as its folder.

    Raises:
        DeclarationErrors: all that is wrong with the descriptor by itself.
    """
    found, errors = validate(DataProductFile, document)
    if found is None:
        raise DeclarationErrors(errors)
    errors = _duplicate_ports(document, found)
    if errors:
        raise DeclarationErrors(errors)
    return Product(
        name=name,
        folder=folder,
        descriptor=cast("Mapping[str, Json]", document.data),
        id=found.id,
        domain=found.domain,
        owner=_owner(found),
        purpose=found.description.purpose if found.description else None,
        input_ports=tuple(
            InputPort(port.name, port.version, port.contract_id, document.where(("inputPorts", index, "name")))
            for index, port in enumerate(found.input_ports)
        ),
        output_ports=tuple(
            OutputPort(
                port.name,
                port.version,
                port.contract_id,
                port.description,
                document.where(("outputPorts", index, "name")),
            )
            for index, port in enumerate(found.output_ports)
        ),
        where=document.where(()),
    )


def _owner(found: DataProductFile) -> str | None:
    """The team that answers for the product, else the member who is its owner."""
    if found.team is None:
        return None
    owners = [member for member in found.team.members if "owner" in (member.role or "").casefold()]
    return found.team.name or (owners[0].name or owners[0].username if owners else None)


def _duplicate_ports(document: Document, found: DataProductFile) -> list[DeclarationError]:
    errors: list[DeclarationError] = []
    inputs = [(port.name, port.version) for port in found.input_ports]
    outputs = [(port.name, port.version) for port in found.output_ports]
    for key, ports in (("inputPorts", inputs), ("outputPorts", outputs)):
        seen: set[tuple[str, str | None]] = set()
        for index, (name, version) in enumerate(ports):
            if (name.casefold(), version) in seen:
                which = f"'{name}'" + (f" of version {version}" if version else "")
                where = document.where((key, index, "name"))
                errors.append(DeclarationError(f"the port {which} stands in {key} twice", where=where))
            seen.add((name.casefold(), version))
    return errors
