"""Steps 2 and 3 of the commit protocol, and recovery: what the outbox holds reaches its sinks.

Apart from the epochs because recovery at the start of a run and publication at
the end of an epoch are the same act: every commit carries its identity, so
that repeating it changes nothing. Publication waits for disks most of the time, so
the next epoch may be computed meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import field
from datetime import datetime
from types import TracebackType
from typing import Final, TypeAlias

from headwater.errors import ConflictError, OutsideError
from headwater.events import Acknowledged, Listener, OutboxCleared, Recovered, SinkCommitted
from headwater.plan.steps import ProductPlan
from headwater.runtime.kept import KeptTables
from headwater.runtime.ordering import publication_ranks
from headwater.runtime.retry import Sleep, retried
from headwater.runtime.state import OutboxEntry, Snapshot, StateStore
from headwater.runtime.tables import Tables
from headwater.spi.engine import Session
from headwater.spi.source import Position, SourceReader
from headwater.spi.table import Table
from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["ProductContext", "Sinks", "acknowledge", "recover", "waves"]

commits_at_once: Final = 4


@frozen
class ProductContext:
    """What everything that runs a product shares.

    ``quarantine_format`` is the table format of sources' quarantine. ``spoiled`` are the sources of which this run
    has refused rows: whoever refuses some is likely to refuse more, and those are kept with all their fields.
    ``located`` are the keyed models of which this run has looked where their changes lie.
    """

    product: ProductPlan
    run: str
    session: Session
    kept: KeptTables
    store: StateStore
    tables: Tables
    sinks: Sinks
    readers: Mapping[RelationName, SourceReader]
    tell: Listener
    clock: Callable[[], datetime]
    quarantine_format: str
    spoiled: set[RelationName] = field(default_factory=set)
    located: set[RelationName] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.product.product


Committed: TypeAlias = tuple[OutboxEntry, float]
"""What became visible, and how many seconds that took."""


class Sinks:
    """Commits and aborts staged epochs of one product.

    Commits of different tables wait for the same disk, so they wait together: at most
    :data:`commits_at_once`, and none before what its table is computed from is visible. Listeners are told
    by the thread that asked for the commits, in the order of the outbox among those that do not wait for each other.
    """

    def __init__(self, product: ProductPlan, tables: Tables, tell: Listener, sleep: Sleep) -> None:
        self._product = product
        self._tables = tables
        self._tell = tell
        self._sleep = sleep
        self._ranks: Mapping[RelationName, int] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._begun: tuple[Future[None], list[Committed]] | None = None

    def __enter__(self) -> Sinks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what was begun, and end the thread."""
        if self._thread is not None:
            self._thread.shutdown()

    def commit(self, outbox: Sequence[OutboxEntry]) -> None:
        """Make everything in the outbox visible; what a sink already has changes nothing.

        Raises:
            TransientError: a sink failed five times.
            TerminalError: a sink refused.
        """
        for committed in self._commit_in_waves(self._opened(outbox)):
            self._told(committed)

    def begin(self, outbox: Sequence[OutboxEntry]) -> None:
        """As :meth:`commit`, beside what follows: whoever opens one of the tables meanwhile waits for it."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="publish")
        committed: list[Committed] = []
        future = self._thread.submit(self._commit_beside, self._opened(outbox), committed)
        self._tables.occupy([entry.relation for entry in outbox], future)
        self._begun = future, committed

    def finish(self) -> None:
        """Wait for what :meth:`begin` began, and tell of it; raises what :meth:`commit` does."""
        if self._begun is None:
            return
        (future, committed), self._begun = self._begun, None
        try:
            future.result()
        finally:
            for each in committed:
                self._told(each)

    def commit_what_fits(self, outbox: Sequence[OutboxEntry]) -> tuple[RelationName, ...]:
        """The same, but give up change sets that no longer fit their tables; returns the relations of these."""
        try:
            self.commit(outbox)
        except ConflictError:
            return tuple(entry.relation for entry in outbox if not self._fits(entry))
        return ()

    def _fits(self, entry: OutboxEntry) -> bool:
        table = self._tables.open(entry.relation, entry.format)
        try:
            committed = self._commit(table, entry)
        except ConflictError:
            table.abort(entry.committable)
            return False
        self._told(committed)
        return True

    def _opened(self, outbox: Sequence[OutboxEntry]) -> list[tuple[Table, OutboxEntry]]:
        return [(self._tables.open(entry.relation, entry.format), entry) for entry in outbox]

    def _commit_beside(self, outbox: Sequence[tuple[Table, OutboxEntry]], committed: list[Committed]) -> None:
        committed.extend(self._commit_in_waves(outbox))

    def _commit_in_waves(self, outbox: Sequence[tuple[Table, OutboxEntry]]) -> Iterator[Committed]:
        if len(outbox) < 2:
            for table, entry in outbox:
                yield self._commit(table, entry)
            return
        if self._ranks is None:
            self._ranks = publication_ranks(self._product)
        tables = {entry.relation: table for table, entry in outbox}
        with ThreadPoolExecutor(commits_at_once, thread_name_prefix="commit") as pool:
            for wave in waves([entry for _, entry in outbox], self._ranks):
                yield from self._commit_all([(tables[entry.relation], entry) for entry in wave], pool)

    def _commit_all(self, wave: Sequence[tuple[Table, OutboxEntry]], pool: ThreadPoolExecutor) -> Iterator[Committed]:
        """Commit tables at the same time; the first failure is raised when those under way have ended."""
        pending: list[Future[Committed]] = []
        try:
            pending += [pool.submit(self._commit, *each) for each in wave]
            for future in pending:
                yield future.result()
        except BaseException:
            for future in pending:
                future.cancel()
            raise

    def _commit(self, table: Table, entry: OutboxEntry) -> Committed:
        began = time.perf_counter()
        retried(lambda: table.commit(entry.committable), self._sleep)
        return entry, time.perf_counter() - began

    def _told(self, committed: Committed) -> None:
        entry, seconds = committed
        self._tell(SinkCommitted(self._product.product, entry.committable.id.epoch, entry.relation, seconds))

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


def waves(outbox: Sequence[OutboxEntry], ranks: Mapping[RelationName, int]) -> list[list[OutboxEntry]]:
    """The outbox in parts that are committed one after the other, the entries of each at the same time.

    A table without a rank is declared no longer, so nobody knows what it waits for: then each waits for the one before.
    """
    if any(entry.relation not in ranks for entry in outbox):
        return [[entry] for entry in outbox]
    parts: dict[int, list[OutboxEntry]] = {}
    for entry in outbox:
        parts.setdefault(ranks[entry.relation], []).append(entry)
    return [parts[rank] for rank in sorted(parts)]


def acknowledge(context: ProductContext, epoch: int, positions: Mapping[RelationName, Position]) -> None:
    """Tell every source how far its rows are durable."""
    for relation, position in positions.items():
        if relation in context.readers:
            context.readers[relation].acknowledge(position)
            context.tell(Acknowledged(context.name, epoch, relation))


def recover(context: ProductContext, snapshot: Snapshot) -> int | None:
    """Finish what an earlier run left: publish its outbox, acknowledge its positions, sweep what it staged.

    A change set whose table was changed by another writer meanwhile is given up: the state forgets that the relation
    was published, so that the run that follows replaces it with what its state holds.

    Returns:
        The epoch that was published, None when there was none.
    """
    if not snapshot.outbox and not snapshot.staging:
        return None
    epoch = None
    unpublished: tuple[RelationName, ...] = ()
    if snapshot.outbox:
        epoch = snapshot.outbox[-1].committable.id.epoch
        unpublished = context.sinks.commit_what_fits(snapshot.outbox)
        acknowledge(context, epoch, snapshot.positions)
        context.tell(Recovered(context.name, epoch))
    context.sinks.sweep(snapshot)
    context.store.settle(unpublished)
    if epoch is not None:
        context.tell(OutboxCleared(context.name, epoch))
    return epoch
