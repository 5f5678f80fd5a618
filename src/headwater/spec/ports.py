"""Ports of products to the relations they mean.

Apart from the other links because the rules are ODPS's: an output port names a
model of its product; an input port an output port of another product, or a
source of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from headwater.errors import DeclarationError, did_you_mean
from headwater.spec.contract import Contract
from headwater.spec.declarations import Model, Source
from headwater.spec.product import InputPort, OutputPort, Product
from headwater.types import RelationName

__all__ = ["link_ports"]


def link_ports(
    products: Mapping[str, Product],
    models: Mapping[RelationName, Model],
    sources: Mapping[RelationName, Source],
    contracts: Sequence[Contract],
    errors: list[DeclarationError],
) -> dict[str, Product]:
    """Check all ports and give every input port its relation; what is wrong is added to ``errors``."""
    ids = {contract.id for contract in contracts}
    offered = _offered(products, models)
    linked: dict[str, Product] = {}
    for name, product in products.items():
        for port in product.output_ports:
            _check_output(product, port, models, ids, errors)
        inputs = tuple(
            _link_input(product, port, products, offered, sources, ids, errors) for port in product.input_ports
        )
        linked[name] = replace(product, input_ports=inputs)
    return linked


def _offered(products: Mapping[str, Product], models: Mapping[RelationName, Model]) -> dict[RelationName, str | None]:
    """What may be read across products, with the id of the contract each port names."""
    offered: dict[RelationName, str | None] = {}
    for name in models:
        product = products[name.product]
        if product.descriptor is None:
            contract = models[name].contract
            offered[name] = contract.id if contract else None
        else:
            for port in product.output_ports:
                if port.name == name.name:
                    contract = models[name].contract
                    offered[name] = port.contract_id or (contract.id if contract else None)
    return offered


def _check_output(
    product: Product,
    port: OutputPort,
    models: Mapping[RelationName, Model],
    ids: set[str],
    errors: list[DeclarationError],
) -> None:
    if RelationName(product.name, port.name) not in models:
        names = [name.name for name in models if name.product == product.name]
        message = f"the output port '{port.name}' is no model of '{product.name}'"
        errors.append(DeclarationError(message, hint=did_you_mean(port.name, names), where=port.where))
    _check_contract(port, ids, errors)


def _check_contract(port: InputPort | OutputPort, ids: set[str], errors: list[DeclarationError]) -> None:
    if port.contract_id is not None and port.contract_id not in ids:
        message = f"no contract has the id '{port.contract_id}', which the port '{port.name}' names"
        errors.append(DeclarationError(message, hint=did_you_mean(port.contract_id, ids), where=port.where))


def _link_input(
    product: Product,
    port: InputPort,
    products: Mapping[str, Product],
    offered: Mapping[RelationName, str | None],
    sources: Mapping[RelationName, Source],
    ids: set[str],
    errors: list[DeclarationError],
) -> InputPort:
    _check_contract(port, ids, errors)
    own = RelationName(product.name, port.name)
    if own in sources:
        return replace(port, relation=own)
    foreign = [name for name in offered if name.product != product.name]
    if "." in port.name:
        found = [name for name in foreign if str(name) == port.name]
    else:
        found = [name for name in foreign if name.name == port.name]
        promised = [name for name in foreign if port.contract_id is not None and offered[name] == port.contract_id]
        found = [name for name in found if name in promised] or promised or found
    if len(found) == 1:
        return replace(port, relation=found[0])
    if found:
        hint = f"write one of: {', '.join(map(str, sorted(found)))}"
        message = f"the input port '{port.name}' may mean several relations"
    else:
        target = port.name.partition(".")[0]
        closed = target in products and products[target].descriptor is not None
        hint = did_you_mean(port.name, map(str, foreign)) or "no other product offers an output port"
        message = f"the input port '{port.name}' is offered by no product"
        if closed:
            hint += f"; '{target}' offers only its outputPorts"
    errors.append(DeclarationError(message, hint=hint, where=port.where))
    return port
