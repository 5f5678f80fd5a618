"""A data product as a value: a bounded context with an owner and ports (Bitol ODPS 1.1)."""

from __future__ import annotations

from collections.abc import Mapping

from headwater.errors import Location
from headwater.types import Json, RelationName
from headwater.values import frozen

__all__ = ["InputPort", "OutputPort", "Product"]


@frozen
class InputPort:
    """A relation of another product that this one may read; ``contract_id`` names the promise it relies on.

    ``relation`` is the relation the name was found to mean: another product's
    output port, or a source of the product's own.
    """

    name: str
    version: str | None = None
    contract_id: str | None = None
    where: Location | None = None
    relation: RelationName | None = None


@frozen
class OutputPort:
    """A relation that other products may read."""

    name: str
    version: str | None = None
    contract_id: str | None = None
    description: str | None = None
    where: Location | None = None


@frozen
class Product:
    """A product: its folder, ports and people.

    ``descriptor`` is the whole ODPS document, written back without loss; it is
    None for a folder that was not described. Such a product offers every model
    as an output port and may read every output port of the workspace.
    """

    name: str
    folder: str
    descriptor: Mapping[str, Json] | None = None
    id: str | None = None
    domain: str | None = None
    owner: str | None = None
    purpose: str | None = None
    input_ports: tuple[InputPort, ...] = ()
    output_ports: tuple[OutputPort, ...] = ()
    where: Location | None = None
