"""Ports of products to the relations they mean.

Apart from the other links because the rules are ODPS's: an output port names a
model of its product; an input port an output port of another product, or a
source of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
) -> tuple[dict[str, Product], list[DeclarationError]]:
    """Products whose input ports know their relations, and what is wrong with any port."""
    linker = _PortLinker(products, models, sources, frozenset(contract.id for contract in contracts))
    return {name: linker.link(product) for name, product in products.items()}, linker.errors


class _PortLinker:
    def __init__(
        self,
        products: Mapping[str, Product],
        models: Mapping[RelationName, Model],
        sources: Mapping[RelationName, Source],
        contract_ids: frozenset[str],
    ) -> None:
        self._products = products
        self._models = models
        self._sources = sources
        self._contract_ids = contract_ids
        self._offered = dict(self._all_offered())
        self.errors: list[DeclarationError] = []

    def link(self, product: Product) -> Product:
        for port in product.output_ports:
            self._check_output(product, port)
        return replace(product, input_ports=tuple(self._link_input(product, port) for port in product.input_ports))

    def _all_offered(self) -> Iterator[tuple[RelationName, str | None]]:
        """What may be read across products, with the id of the contract each port names."""
        for name, model in self._models.items():
            product = self._products[name.product]
            promised = model.contract.id if model.contract else None
            if product.descriptor is None:
                yield name, promised
            for port in product.output_ports:
                if port.name == name.name:
                    yield name, port.contract_id or promised

    def _check_output(self, product: Product, port: OutputPort) -> None:
        if RelationName(product.name, port.name) not in self._models:
            names = [name.name for name in self._models if name.product == product.name]
            message = f"the output port '{port.name}' is no model of '{product.name}'"
            self._refuse(message, port, did_you_mean(port.name, names))
        self._check_contract(port)

    def _check_contract(self, port: InputPort | OutputPort) -> None:
        if port.contract_id is not None and port.contract_id not in self._contract_ids:
            message = f"no contract has the id '{port.contract_id}', which the port '{port.name}' names"
            self._refuse(message, port, did_you_mean(port.contract_id, self._contract_ids))

    def _link_input(self, product: Product, port: InputPort) -> InputPort:
        self._check_contract(port)
        own = RelationName(product.name, port.name)
        if own in self._sources:
            return replace(port, relation=own)
        foreign = [name for name in self._offered if name.product != product.name]
        found = _meant(port, foreign, self._offered)
        if len(found) == 1:
            return replace(port, relation=found[0])
        if found:
            hint = f"write one of: {', '.join(map(str, sorted(found)))}"
            self._refuse(f"the input port '{port.name}' may mean several relations", port, hint)
            return port
        hint = did_you_mean(port.name, map(str, foreign)) or "no other product offers an output port"
        target = self._products.get(port.name.partition(".")[0])
        detail = f"'{target.name}' offers only its outputPorts" if target and target.descriptor is not None else None
        self._refuse(f"the input port '{port.name}' is offered by no product", port, hint, detail)
        return port

    def _refuse(
        self, message: str, port: InputPort | OutputPort, hint: str | None = None, detail: str | None = None
    ) -> None:
        self.errors.append(DeclarationError(message, hint=hint, detail=detail, where=port.where))


def _meant(
    port: InputPort, foreign: Sequence[RelationName], offered: Mapping[RelationName, str | None]
) -> list[RelationName]:
    """The relations an input port may mean: by its full name, else by its name and its contract."""
    if "." in port.name:
        return [name for name in foreign if str(name) == port.name]
    named = [name for name in foreign if name.name == port.name]
    promised = [name for name in foreign if port.contract_id is not None and offered[name] == port.contract_id]
    return [name for name in named if name in promised] or promised or named
