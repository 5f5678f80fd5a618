"""A tree of operators as one query over whole relations: what its result is in batch.

Apart from rendering because types are asked of it, and tests compare with it.
"""

from __future__ import annotations

from headwater.incremental.algebra.nodes import Node, Relation, inputs_of
from headwater.incremental.algebra.render import render
from headwater.types import quote_identifier

__all__ = ["batch"]


def batch(node: Node) -> str:
    """The query over relations, each named by one quoted ``"product.relation"``."""
    if isinstance(node, Relation):
        return render(node, [quote_identifier(str(node.relation))])
    return render(node, [f"({batch(below)})" for below in inputs_of(node)])
