"""Relations inside a program: how they are named, and the statements that create them.

They stand at the root because incremental, quality, runtime and engines all
speak of the same relations and may not import each other.

Relations are named ``role.product.relation``, one quoted identifier, see :func:`relation`:

=========== ============================================================================
change      the rows that a relation gained in this epoch, provenance columns included
history     all rows a relation has after this epoch, without provenance columns
traced      the same rows with provenance columns, as far as their origin is still known
candidate   what a program computed, before its contract is applied, provenance included
judged      the candidates with the list of reasons against each row
accepted    the candidates the contract admits, without provenance columns
rejected    the candidates it refuses, in the shape of the quarantine table
malformed   records that could not be decoded
delta       the rows that a replaced relation gained and lost, with :data:`DIFF_COLUMN`, without provenance columns
watermark   no rows: programs read how far its event time has advanced as moments (:mod:`headwater.incremental.moments`)
state       what a block keeps between epochs (durable)
records     the records of a keyed source as they were decoded, before they are rows
=========== ============================================================================

Provenance: :data:`SOURCE_COLUMN` (which file, partition or port) and
:data:`OFFSET_COLUMN` (which record there, from 1); both NULL where a row has no single origin, and the record alone
where rows are read from a table that does not keep it.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from headwater.types import RelationName, quote_identifier
from headwater.values import frozen

__all__ = [
    "CONTENT",
    "DELETED_COLUMN",
    "DIFF_COLUMN",
    "OFFSET_COLUMN",
    "SOURCE_COLUMN",
    "Role",
    "Statement",
    "relation",
]

SOURCE_COLUMN: Final = "_hw_source"
OFFSET_COLUMN: Final = "_hw_offset"

DIFF_COLUMN: Final = "_hw_diff"
"""How many times a row was gained (positive) or lost (negative) in an epoch; never 0."""

DELETED_COLUMN: Final = "_hw_deleted"
"""Whether a change of a keyed source says that its key is gone; never NULL."""

CONTENT: Final = "content"
"""The relation that a contract's dataset query reads: what readers will see once the epoch is published."""

Role: TypeAlias = Literal[
    "change",
    "history",
    "traced",
    "candidate",
    "judged",
    "accepted",
    "rejected",
    "malformed",
    "delta",
    "watermark",
    "state",
    "records",
]


def relation(role: Role, name: RelationName) -> str:
    """The quoted identifier of a relation in a role.

    >>> relation("change", RelationName("delays", "departures"))
    '"change.delays.departures"'
    """
    return quote_identifier(f"{role}.{name}")


@frozen
class Statement:
    """One statement: ``creates`` names the relation (a quoted identifier) that ``sql`` (a query) defines."""

    creates: str
    sql: str
