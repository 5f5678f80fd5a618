"""What a query may hold that operators do not express; such a query is computed anew as a whole."""

from __future__ import annotations

__all__ = ["Unmaintainable"]


class Unmaintainable(Exception):
    """No operators express a query; ``why`` completes "this block is full because ..."."""

    def __init__(self, why: str, cheaper: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.cheaper = cheaper
