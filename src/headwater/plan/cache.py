"""Where analyses are kept between plans, and under which keys.

A key is the digest of everything that decides the entry, so an entry is never
wrong, only unused; nothing has to be invalidated. Apart from planning so that
whoever persists entries needs to know nothing but texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from headwater import __version__
from headwater.incremental.program import KIND_VERSIONS, Given
from headwater.plan.fingerprints import digest
from headwater.types import Json, RelationName

__all__ = ["AnalysisCache", "ForgetfulCache", "judgement_key", "reading_key", "understood_key"]

_format = 9
"""Grows when entries are written in another way."""

_versions: list[Json] = [_format, __version__, {kind.value: version for kind, version in KIND_VERSIONS.items()}]


class AnalysisCache(Protocol):
    """Keeps texts by key. An implementation may forget any entry at any time."""

    def get(self, key: str) -> str | None:
        """The entry, or None."""
        ...

    def put(self, key: str, entry: str) -> None:
        """Keep an entry; the same key always comes with the same entry."""
        ...


class ForgetfulCache:
    """Keeps nothing: every plan analyses every query."""

    def get(self, key: str) -> None:
        """Nothing is known."""

    def put(self, key: str, entry: str) -> None:
        """Nothing is kept."""


def reading_key(query: str) -> str:
    """Under which the relations named in a query are kept."""
    return digest(["reads", _versions, query])


def judgement_key(relation: RelationName, schema: str, contract: str, engine: str) -> str:
    """Under which a source's judgement is kept: digests of its columns and contract, and the engine as below."""
    return digest(["judgement", _versions, engine, str(relation), schema, contract])


def understood_key(
    relation: RelationName,
    query: str,
    reads: Mapping[tuple[str, ...], tuple[RelationName, str, Given]],
    contract: str,
    engine: str,
    *,
    stored: bool,
) -> str:
    """Under which a model's analysis, program and judgement are kept.

    Args:
        relation: the model.
        query: its text.
        reads: for every name in the query (folded), the relation it means, its schema's digest, and how it changes.
        contract: the digest of its contract, '' without one.
        engine: name and version of the engine whose binder types the query.
        stored: whether its result is kept in a table.
    """
    named: Json = {
        ".".join(parts): [str(name), schema, _changes(given)] for parts, (name, schema, given) in reads.items()
    }
    return digest(["model", _versions, engine, str(relation), query, named, contract, stored])


def _changes(given: Given) -> Json:
    clocks: Json = {
        column: [[str(name) for name in sorted(clock.relations)], str(clock.delay), clock.closes]
        for column, clock in sorted(given.clocks.items())
    }
    return [given.mode.value, clocks, [*sorted(given.settled)]]
