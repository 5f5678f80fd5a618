"""Steps 2 and 3 of the commit protocol, and recovery: what the outbox holds reaches its sinks.

Apart from the epochs because recovery at the start of a run and publication at
the end of an epoch are the same act: every commit carries its identity, so
that repeating it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from headwater.errors import OutsideError
from headwater.events import Acknowledged, Listener, OutboxCleared, Recovered, SinkCommitted
from headwater.plan.steps import ProductPlan
from headwater.runtime.retry import Sleep, retried
from headwater.runtime.state import OutboxEntry, Snapshot, StateStore
from headwater.runtime.tables import Tables
from headwater.spi.engine import Session
from headwater.spi.source import Position, SourceReader
from headwater.types import RelationName

__all__ = ["ProductContext", "Sinks", "acknowledge", "recover"]


@dataclass(frozen=True, slots=True)
class ProductContext:
    """What everything that runs a product shares. ``quarantine_format`` is the table format of sources' quarantine."""

    product: ProductPlan
    run: str
    session: Session
    store: StateStore
    tables: Tables
    sinks: Sinks
    readers: Mapping[RelationName, SourceReader]
    tell: Listener
    clock: Callable[[], datetime]
    quarantine_format: str

    @property
    def name(self) -> str:
        return self.product.product


class Sinks:
    """Commits and aborts staged epochs of one product."""

    def __init__(self, product: str, tables: Tables, tell: Listener, sleep: Sleep) -> None:
        self._product = product
        self._tables = tables
        self._tell = tell
        self._sleep = sleep

    def commit(self, outbox: Sequence[OutboxEntry]) -> None:
        """Make everything in the outbox visible, in its order; what a sink already has changes nothing.

        Raises:
            TransientError: a sink failed five times.
            TerminalError: a sink refused.
        """
        for entry in outbox:
            table = self._tables.open(entry.relation, entry.format)
            retried(lambda table=table, entry=entry: table.commit(entry.committable), self._sleep)  # type: ignore[misc]
            self._tell(SinkCommitted(self._product, entry.committable.id.epoch, entry.relation))

    def abort(self, staged: Iterable[OutboxEntry]) -> None:
        """Delete what an abandoned epoch staged; what cannot be deleted now is swept at the next start."""
        for entry in staged:
            try:
                self._tables.open(entry.relation, entry.format).abort(entry.committable)
            except OutsideError:
                return

    def sweep(self, snapshot: Snapshot) -> None:
        """Delete staged files that no commit refers to."""
        for staged in snapshot.staging:
            keep = [entry.committable for entry in snapshot.outbox if entry.relation == staged.relation]
            self._tables.open(staged.relation, staged.format).sweep(keep)


def acknowledge(context: ProductContext, epoch: int, positions: Mapping[RelationName, Position]) -> None:
    """Tell every source how far its rows are durable."""
    for relation, position in positions.items():
        if relation in context.readers:
            context.readers[relation].acknowledge(position)
            context.tell(Acknowledged(context.name, epoch, relation))


def recover(context: ProductContext, snapshot: Snapshot) -> int | None:
    """Finish what an earlier run left: publish its outbox, acknowledge its positions, sweep what it staged.

    Returns:
        The epoch that was published, None when there was none.
    """
    if not snapshot.outbox and not snapshot.staging:
        return None
    epoch = None
    if snapshot.outbox:
        epoch = snapshot.outbox[-1].committable.id.epoch
        context.sinks.commit(snapshot.outbox)
        acknowledge(context, epoch, snapshot.positions)
        context.tell(Recovered(context.name, epoch))
    context.sinks.sweep(snapshot)
    context.store.settle()
    if epoch is not None:
        context.tell(OutboxCleared(context.name, epoch))
    return epoch
