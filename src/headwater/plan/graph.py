"""Which relation needs which, circles among them, and an order in which all needs are met.

Apart from planning because an order over relations is a fact of its own:
``plan`` follows it, ``explain`` and lineage walk it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import TypeVar

from headwater.errors import DeclarationError, Location
from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["Edge", "Graph", "find_circles", "order_products", "order_relations"]


@frozen
class Edge:
    """``reader`` needs ``read`` first; ``where`` is the place that says so."""

    reader: RelationName
    read: RelationName
    where: Location | None = None


@frozen
class Graph:
    """All relations and their needs."""

    relations: tuple[RelationName, ...]
    edges: tuple[Edge, ...]


def order_relations(graph: Graph) -> tuple[RelationName, ...]:
    """Relations behind all they need, by name where either order would do. Those in or behind circles are left out.

    >>> a, b, c = (RelationName("p", name) for name in "abc")
    >>> [str(name) for name in order_relations(Graph((a, b, c), (Edge(a, c), Edge(c, b))))]
    ['p.b', 'p.c', 'p.a']
    """
    return tuple(_settle(_relation_needs(graph)))


def order_products(graph: Graph) -> tuple[str, ...]:
    """Products behind those they read from; those in or behind circles are left out."""
    return tuple(_settle(_product_needs(graph)))


def find_circles(graph: Graph) -> Iterator[DeclarationError]:
    """One error for each circle of relations, and, when there is none, for each circle of products."""
    found = False
    for circle in _circles(_relation_needs(graph)):
        found = True
        yield _circle_error(circle)
    if found:
        return
    for circle in _circles(_product_needs(graph)):
        names = " -> ".join(edge.reader.product for edge in (*circle, circle[0]))
        yield DeclarationError(
            f"products need each other in a circle: {names}",
            detail=_steps(circle),
            hint="a product runs as a whole: move a model to the other product, or split one of the products",
            where=circle[0].where,
        )


def _circle_error(circle: Sequence[Edge]) -> DeclarationError:
    if len(circle) == 1:
        hint = "read the relations it is made from"
        return DeclarationError(f"'{circle[0].reader}' reads itself", hint=hint, where=circle[0].where)
    names = " -> ".join(str(edge.reader) for edge in (*circle, circle[0]))
    message = f"models need each other in a circle: {names}"
    return DeclarationError(message, detail=_steps(circle), where=circle[0].where)


def _steps(circle: Sequence[Edge]) -> str:
    return "; ".join(f"{edge.reader} reads {edge.read}" + (f" ({edge.where})" if edge.where else "") for edge in circle)


Key = TypeVar("Key", RelationName, str)


def _relation_needs(graph: Graph) -> dict[RelationName, dict[RelationName, Edge]]:
    needs: dict[RelationName, dict[RelationName, Edge]] = {relation: {} for relation in graph.relations}
    for edge in graph.edges:
        needs[edge.reader].setdefault(edge.read, edge)
    return needs


def _product_needs(graph: Graph) -> dict[str, dict[str, Edge]]:
    needs: dict[str, dict[str, Edge]] = {relation.product: {} for relation in graph.relations}
    for edge in graph.edges:
        if edge.reader.product != edge.read.product:
            needs[edge.reader.product].setdefault(edge.read.product, edge)
    return needs


def _settle(needs: Mapping[Key, Mapping[Key, Edge]]) -> Iterator[Key]:
    """What needs nothing first, the smallest of those that are ready next."""
    missing = {key: len(below) for key, below in needs.items()}
    readers: dict[Key, list[Key]] = {key: [] for key in needs}
    for key, below in needs.items():
        for need in below:
            readers[need].append(key)
    ready = [key for key, count in missing.items() if count == 0]
    heapify(ready)
    while ready:
        key = heappop(ready)
        yield key
        for reader in readers[key]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heappush(ready, reader)


def _circles(needs: Mapping[Key, Mapping[Key, Edge]]) -> Iterator[tuple[Edge, ...]]:
    """Circles that share no member, each beginning at its smallest one."""
    left = set(needs) - set(_settle(needs))
    while left:
        path: list[Key] = [min(left)]
        while path[-1] not in path[:-1]:
            onward = [need for need in needs[path[-1]] if need in left]
            if not onward:
                left.discard(path[-1])
                break
            path.append(onward[0])
        else:
            circle = path[path.index(path[-1]) : -1]
            start = circle.index(min(circle))
            circle = circle[start:] + circle[:start]
            left.difference_update(circle)
            yield tuple(needs[one][other] for one, other in zip(circle, circle[1:] + circle[:1], strict=True))
