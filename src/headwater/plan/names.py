"""What a relation's name means, seen from a product: own relations first, then declared ports.

Apart from the graph because queries, contracts and the command line all
resolve names by these rules. Names are compared without regard to case, as SQL
compares them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headwater.errors import DeclarationError, Location, did_you_mean
from headwater.spec.declarations import Workspace
from headwater.spec.product import Product
from headwater.types import RelationName

__all__ = ["Names"]

_forms: Final = "a relation is named 'relation' or 'product.relation'"


class Names:
    """The relations of a workspace, and who may read which."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._products: dict[str, str] = {name.casefold(): name for name in workspace.products}
        self._relations: dict[tuple[str, str], RelationName] = {}
        for relation in (*workspace.sources, *workspace.models):
            self._products.setdefault(relation.product.casefold(), relation.product)
            self._relations[relation.product.casefold(), relation.name.casefold()] = relation

    def clashes(self) -> Iterator[DeclarationError]:
        """Names that two relations of one product share."""
        seen: dict[tuple[str, str], RelationName] = {}
        for relation, where in self._declared():
            other = seen.setdefault((relation.product.casefold(), relation.name.casefold()), relation)
            both = relation in self._workspace.sources and relation in self._workspace.models
            if other != relation or (both and where is self._workspace.models[relation].where):
                yield DeclarationError(
                    f"'{relation}' is declared twice", hint="give one of the two another name", where=where
                )

    def resolve(self, product: str, parts: tuple[str, ...], where: Location | None = None) -> RelationName:
        """The relation that a name in a query or contract of ``product`` means.

        Raises:
            DeclarationError: the name is unknown, ambiguous, or not a port that the product may read.
        """
        match parts:
            case (name,):
                return self._unqualified(product, name, where)
            case (owner, name):
                return self._qualified(product, owner, name, where)
            case _:
                raise DeclarationError(f"'{'.'.join(parts)}' has too many parts", detail=_forms, where=where)

    def _unqualified(self, product: str, name: str, where: Location | None) -> RelationName:
        own = self._relations.get((product.casefold(), name.casefold()))
        if own is not None:
            return own
        ports = [relation for relation in self.input_relations(product) if relation.name.casefold() == name.casefold()]
        match ports:
            case [relation]:
                return self._readable(product, relation, where)
            case []:
                raise DeclarationError(
                    f"there is no relation '{name}' in '{product}'",
                    hint=self._nearest(product, name),
                    where=where,
                )
            case _:
                raise DeclarationError(
                    f"'{name}' may mean {' or '.join(sorted(map(str, ports)))}",
                    hint="write it with its product",
                    where=where,
                )

    def _qualified(self, product: str, owner: str, name: str, where: Location | None) -> RelationName:
        known = self._products.get(owner.casefold())
        if known is None:
            raise DeclarationError(
                f"there is no product '{owner}'", hint=did_you_mean(owner, self._products.values()), where=where
            )
        relation = self._relations.get((known.casefold(), name.casefold()))
        if relation is None:
            mine = known.casefold() == product.casefold()
            valid = self._own(known) if mine else self._offered(known)
            raise DeclarationError(
                f"there is no relation '{known}.{name}'",
                hint=did_you_mean(f"{known}.{name}", map(str, valid)),
                where=where,
            )
        return relation if relation.product == product else self._readable(product, relation, where)

    def _readable(self, product: str, relation: RelationName, where: Location | None) -> RelationName:
        """The relation of another product, once both sides' ports allow to read it."""
        model = self._workspace.models.get(relation)
        if model is None:
            raise DeclarationError(
                f"'{relation}' is a source, which only '{relation.product}' can read",
                hint=f"publish it by a model of '{relation.product}' and read that",
                where=where,
            )
        if model.output == "view":
            raise DeclarationError(
                f"'{relation}' is a view, which is stored nowhere, so other products cannot read it",
                hint=f"give it an output in {model.path}: parquet, delta or iceberg",
                where=where,
            )
        offering = self._workspace.products.get(relation.product)
        if offering is not None and offering.descriptor is not None:
            ports = [port.name for port in offering.output_ports]
            if relation.name.casefold() not in {name.casefold() for name in ports}:
                raise DeclarationError(
                    f"'{relation.name}' is not an output port of '{relation.product}'",
                    detail=f"its output ports: {', '.join(sorted(ports)) or 'none'}",
                    hint=f"add it to outputPorts of {_file(offering)}",
                    where=where,
                )
        reading = self._workspace.products.get(product)
        if reading is not None and reading.descriptor is not None and relation not in self.input_relations(product):
            raise DeclarationError(
                f"'{relation}' is not an input port of '{product}'",
                hint=f"add '- name: {relation}' to inputPorts of {_file(reading)}",
                where=where,
            )
        return relation

    def input_relations(self, product: str) -> tuple[RelationName, ...]:
        """The relations that a product's input ports stand for."""
        declared = self._workspace.products.get(product)
        ports = declared.input_ports if declared else ()
        return tuple(dict.fromkeys(port.relation for port in ports if port.relation is not None))

    def _model(self, product: str, name: str) -> RelationName | None:
        relation = self._relations.get((product.casefold(), name.casefold()))
        return relation if relation in self._workspace.models else None

    def _declared(self) -> Iterator[tuple[RelationName, Location | None]]:
        yield from ((relation, source.where) for relation, source in self._workspace.sources.items())
        yield from ((relation, model.where) for relation, model in self._workspace.models.items())

    def _own(self, product: str) -> list[RelationName]:
        return [relation for (owner, _), relation in self._relations.items() if owner == product.casefold()]

    def _offered(self, product: str) -> list[RelationName]:
        """What other products may read of a product."""
        declared = self._workspace.products.get(product)
        if declared is not None and declared.descriptor is not None:
            return [found for port in declared.output_ports if (found := self._model(product, port.name)) is not None]
        return [relation for relation in self._workspace.models if relation.product == product]

    def _nearest(self, product: str, name: str) -> str | None:
        """A relation elsewhere that has this very name, else the nearest one in sight."""
        elsewhere = sorted(
            str(relation)
            for other in self._products.values()
            if other != product
            for relation in self._offered(other)
            if relation.name.casefold() == name.casefold()
        )
        if elsewhere:
            return f"did you mean {' or '.join(repr(found) for found in elsewhere)}?"
        visible = [*self._own(product), *self.input_relations(product)]
        return did_you_mean(name, [relation.name for relation in visible])


def _file(product: Product) -> str:
    if product.where is not None:
        return product.where.path
    return f"{product.folder}/product.odps.yaml"
