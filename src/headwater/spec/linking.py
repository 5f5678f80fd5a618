"""Joining what was read: contracts to relations, connections to sources, ports to models.

Apart from the readers because it needs all files at once: names that lead
nowhere or to two things are errors here, each with its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from headwater.errors import DeclarationError, Location, did_you_mean
from headwater.spec.assembly import DeclaredSource, Settings
from headwater.spec.contract import Contract, Reference
from headwater.spec.declarations import Model, Source, Workspace
from headwater.spec.ports import link_ports
from headwater.spec.product import Product
from headwater.types import Column, RelationName, Schema

__all__ = ["Parts", "link"]


@dataclass(slots=True)
class Parts:
    """Everything that was read, not yet joined. ``contracts`` come with the product whose folder holds them."""

    settings: Settings
    folders: dict[str, str] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    models: list[Model] = field(default_factory=list)
    contracts: list[tuple[str, Contract]] = field(default_factory=list)
    sources: list[DeclaredSource] = field(default_factory=list)


def link(parts: Parts, root: str) -> tuple[Workspace, list[DeclarationError]]:
    """Join the parts; the workspace is complete only when there are no errors."""
    linker = _Linker(parts)
    return linker.link(root), linker.errors


class _Linker:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._places: dict[tuple[str, str], Location | None] = {}
        self._names: set[RelationName] = set()
        self._linked: set[int] = set()
        self._by_relation = {(product, contract.relation.casefold()): contract for product, contract in parts.contracts}
        self.errors: list[DeclarationError] = []

    def link(self, root: str) -> Workspace:
        parts = self._parts
        settings = parts.settings
        for relation, where in self._declared():
            self._note_name(relation, where)
        sources = {declared.source.relation: self._source(declared) for declared in parts.sources}
        models = {model.relation: replace(model, contract=self._contract_of(model.relation)) for model in parts.models}
        self._check_contracts()
        contracts = self._contracts()
        products = {name: parts.products.get(name) or Product(name, folder) for name, folder in parts.folders.items()}
        for source in sources.values():
            products.setdefault(source.relation.product, Product(source.relation.product, source.relation.product))
        if not self.errors:
            products, wrong = link_ports(products, models, sources, [each for _, each in parts.contracts])
            self.errors.extend(wrong)
        return Workspace(
            name=settings.name,
            root=root,
            environments=settings.environments,
            default_environment=settings.default_environment,
            connections=settings.connections,
            products=products,
            sources=sources,
            models=models,
            contracts=contracts,
        )

    def _declared(self) -> Iterable[tuple[RelationName, Location | None]]:
        for declared in self._parts.sources:
            yield declared.source.relation, declared.source.where
        for model in self._parts.models:
            yield model.relation, model.where

    def _note_name(self, relation: RelationName, where: Location | None) -> None:
        key = (relation.product, relation.name.casefold())
        if key in self._places:
            first = self._places[key]
            self.errors.append(
                DeclarationError(
                    f"the relation '{relation}' is declared twice",
                    detail=f"first at {first}; names are compared without regard to case",
                    where=where,
                )
            )
        self._places.setdefault(key, where)
        self._names.add(relation)

    def _source(self, declared: DeclaredSource) -> Source:
        source = declared.source
        document, path = declared.document, declared.path
        connection = None
        if declared.connection is not None:
            connection = self._parts.settings.connections.get(declared.connection)
            if connection is None:
                self.errors.append(
                    DeclarationError(
                        f"there is no connection '{declared.connection}'",
                        hint=did_you_mean(declared.connection, self._parts.settings.connections)
                        or "declare it under connections in headwater.yaml",
                        where=document.where((*path, "connection")),
                    )
                )
        contract = self._declared_contract(declared) if declared.contract else self._contract_of(source.relation)
        schema = source.schema or _contract_schema(contract)
        return replace(source, connection=connection, contract=contract, schema=schema)

    def _declared_contract(self, declared: DeclaredSource) -> Contract | None:
        """The schema object of the named file that has the source's name, else its only one."""
        wanted = (declared.contract or "").removeprefix("./")
        where = declared.document.where((*declared.path, "contract"))
        found = [contract for _, contract in self._parts.contracts if contract.path == wanted]
        name = declared.source.relation.name
        chosen = [contract for contract in found if contract.relation.casefold() == name.casefold()] or found
        if len(chosen) == 1:
            self._linked.add(id(chosen[0]))
            return chosen[0]
        if found:
            hint = did_you_mean(name, [contract.relation for contract in found])
            message = f"the contract {wanted} has no schema object '{name}'"
            self.errors.append(DeclarationError(message, hint=hint, where=where))
        else:
            hint = did_you_mean(wanted, {contract.path for _, contract in self._parts.contracts})
            self.errors.append(DeclarationError(f"there is no contract {wanted}", hint=hint, where=where))
        return None

    def _contract_of(self, relation: RelationName) -> Contract | None:
        contract = self._by_relation.get((relation.product, relation.name.casefold()))
        if contract is not None:
            self._linked.add(id(contract))
        return contract

    def _check_contracts(self) -> None:
        seen: dict[tuple[str, str], Contract] = {}
        for product, contract in self._parts.contracts:
            key = (product, contract.relation.casefold())
            first = seen.setdefault(key, contract)
            if first is not contract:
                message = f"the relation '{product}.{contract.relation}' has two contracts"
                detail = f"the other one is {first.path}"
                self.errors.append(DeclarationError(message, detail=detail, where=contract.where))
            elif id(contract) not in self._linked and key not in self._places:
                names = [name.name for name in self._names if name.product == product]
                self.errors.append(
                    DeclarationError(
                        f"the contract is about '{contract.relation}', but '{product}' has no such model or source",
                        hint=did_you_mean(contract.relation, names),
                        where=contract.where,
                    )
                )
            for reference in contract.references:
                self._check_reference(product, reference)

    def _check_reference(self, product: str, reference: Reference) -> None:
        target = _target(product, reference.to)
        if target is None or target not in self._names:
            names = [str(name) for name in self._names]
            hint = did_you_mean(str(target or reference.to), names)
            message = f"the reference leads to '{reference.to}', which is no relation of the workspace"
            self.errors.append(DeclarationError(message, hint=hint, where=reference.where))
            return
        contract = self._by_relation.get((target.product, target.name.casefold()))
        columns = [column.name for column in contract.properties] if contract else []
        for column in reference.to_columns if columns else ():
            if column.casefold() not in {name.casefold() for name in columns}:
                message = f"the reference leads to '{target}', which has no column '{column}'"
                hint = did_you_mean(column, columns)
                self.errors.append(DeclarationError(message, hint=hint, where=reference.where))

    def _contracts(self) -> Mapping[str, Contract]:
        objects = Counter(contract.path for _, contract in self._parts.contracts)
        paths: dict[str, str] = {}
        contracts: dict[str, Contract] = {}
        for _, contract in self._parts.contracts:
            first = paths.setdefault(contract.id, contract.path)
            if first != contract.path:
                if all(error.where != contract.where for error in self.errors):
                    message = f"the contract id '{contract.id}' is used twice"
                    self.errors.append(DeclarationError(message, detail=f"also by {first}", where=contract.where))
                continue
            contracts[contract.id if objects[contract.path] == 1 else f"{contract.id}/{contract.relation}"] = contract
        return contracts


def _target(product: str, text: str) -> RelationName | None:
    try:
        return RelationName.parse(text) if "." in text else RelationName(product, text)
    except ValueError:
        return None


def _contract_schema(contract: Contract | None) -> Schema | None:
    """The columns a contract names; None when it does not give the type of each."""
    if contract is None or not contract.properties:
        return None
    columns = tuple(Column(column.name, column.type) for column in contract.properties if column.type)
    return Schema(columns) if len(columns) == len(contract.properties) else None
