"""How far event time has advanced in each relation of a product, in one epoch and from one to the next.

Apart from intake and publication, which tell what they accepted: here stand the rules.

* The watermark of a relation is the greatest event time of the rows accepted so far, less the delay that its
  contract declares. It never goes back, except where the relation starts anew or goes on after its end.
* Rows are judged against the watermark that earlier epochs left, so rows of one epoch never make each other late.
  A row exactly at it is on time.
* An input that declares ``idle`` and of which no row was accepted for that long holds nobody back: its watermark is
  raised to the least of those of the product's other inputs that are neither idle nor ended. A model that declares
  ``idle`` follows the inputs likewise. The first epoch counts as a sign of life.
* A source that is declared ``bounded`` has ended when everything that is there was read, another product's port when
  that product says so, a model when all that it reads has ended and it was computed. What has ended has the
  watermark infinity; what it was before is remembered.
* When rows come behind an end, the end is taken back: they are judged against the watermark from before it, and models
  that closed windows because of it are computed anew (:class:`headwater.runtime.decision.Moving`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from headwater.incremental.moments import BEGINNING, END, Marks, since_1970
from headwater.plan.steps import ProductPlan
from headwater.quality.times import Timing
from headwater.runtime.state.values import Watermark
from headwater.spec.contract import EventTime
from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["Progression", "Watermarks"]

_unknown: Final = Watermark()


class Watermarks:
    """The watermarks of one epoch's product; mutable, and used by one thread.

    Intake and publication tell of every relation with event time what was accepted; :meth:`settle` stands between
    them, when all inputs are in. What is asked of a relation before it was told of is what earlier epochs left.

    Args:
        product: with the event times that its contracts declare.
        known: what earlier epochs left, without relations that start anew.
        at: the clock of the epoch.
        ended: sources and ports of which nothing is to come behind this epoch.
        deferred: models that this epoch does not bring up to date; they have not ended.
    """

    def __init__(
        self,
        product: ProductPlan,
        known: Mapping[RelationName, Watermark],
        at: datetime,
        *,
        ended: Collection[RelationName] = (),
        deferred: Collection[RelationName] = (),
    ) -> None:
        self._at = at
        self._known = known
        self._inputs = _timed_inputs(product)
        self._times = {**self._inputs, **{m.relation: m.event_time for m in product.models if m.event_time}}
        inputs = {step.relation for step in product.sources} | {port.relation for port in product.foreign}
        self._present = inputs | {model.relation for model in product.models}
        self._ended = _ended(product, ended, deferred)
        self._anew: set[RelationName] = set()
        self._accepted: dict[RelationName, Watermark] = {}
        self._least: datetime | None = None

    def timing(self, relation: RelationName, *, anew: bool) -> Timing:
        """When rows of a relation are judged now. Of one that starts anew, none is late."""
        known = _unknown if anew else self._known.get(relation, _unknown)
        return Timing(self._at, known.at if relation in self._times else None)

    def accept(self, relation: RelationName, newest: datetime | None, *, anew: bool) -> None:
        """Rows of a relation with event time were accepted.

        Args:
            newest: the greatest event time among them; None when there were none.
            anew: they are all that the relation has.
        """
        if anew:
            self._anew.add(relation)
        before = _unknown if anew else self._known.get(relation, _unknown)
        if newest is None:
            if anew:
                self._accepted[relation] = Watermark(active_at=self._at)
            return
        at = _less(newest, self._times[relation].watermark)
        self._accepted[relation] = Watermark(
            newest=_greatest(before.newest, newest), at=_greatest(before.at, at), active_at=self._at
        )

    def settle(self) -> None:
        """All inputs of the epoch are in: what idle relations follow is known from here on."""
        least = [
            found.at
            for name in self._inputs
            if name not in self._ended and not self._is_idle(name)
            for found in (self._accepted.get(name) or self._known.get(name, _unknown),)
        ]
        self._least = min(filter(None, least), default=None) if None not in least else None

    def now(self, relation: RelationName) -> Watermark:
        """The watermark behind what was told so far."""
        ended = relation in self._ended
        if relation not in self._times:
            return Watermark(ended=ended)
        found = self._accepted.get(relation) or self._known.get(relation, _unknown)
        at = _greatest(found.at, self._least) if self._is_idle(relation) else found.at
        return Watermark(found.newest, at, ended, found.active_at or self._at)

    def marks(self, relation: RelationName) -> Marks:
        """What programs read of it: which earlier epochs left, and now."""
        before = _unknown if relation in self._anew else self._known.get(relation, _unknown)
        return Marks(_mark(before), _mark(self.now(relation)))

    def has_moved(self, relation: RelationName) -> bool:
        """Whether the watermark is another one than before this epoch, as far as was told."""
        before = _unknown if relation in self._anew else self._known.get(relation, _unknown)
        now = self.now(relation)
        return (before.at, before.ended) != (now.at, now.ended)

    @property
    def stirs(self) -> bool:
        """Whether any watermark has moved."""
        return any(map(self.has_moved, self._names()))

    @property
    def changed(self) -> dict[RelationName, Watermark]:
        """What the state has to take over."""
        found = {name: self.now(name) for name in self._names()}
        return {name: mark for name, mark in found.items() if mark != self._known.get(name, _unknown)}

    def _names(self) -> dict[RelationName, None]:
        return dict.fromkeys((*self._times, *self._ended, *(self._known.keys() & self._present)))

    def _is_idle(self, relation: RelationName) -> bool:
        declared = self._times.get(relation)
        if declared is None or declared.idle is None or relation in self._accepted:
            return False
        active_at = self._known.get(relation, _unknown).active_at
        return active_at is not None and self._at - active_at >= declared.idle


@frozen
class Progression:
    """Which inputs of a product have ended in a run, and which of them go on though they had.

    Args:
        product: with its sources and the ports that it reads.
        known: what earlier runs left, without relations that start anew.
        advancing: sources and ports with new rows in this run.
        complete: what other products tell of their relations; one that is not there tells nothing (yet, or any more).
    """

    product: ProductPlan
    known: Mapping[RelationName, Watermark]
    advancing: frozenset[RelationName]
    complete: Mapping[RelationName, bool]

    def ended(self, ahead: Collection[RelationName] = ()) -> frozenset[RelationName]:
        """The inputs of which nothing is to come, while more of the sources ``ahead`` is there to be read."""
        sources = {step.relation for step in self.product.sources if step.source.bounded}
        ports = {port.relation for port in self.product.foreign if self._is_complete(port.relation)}
        return frozenset((sources | ports) - set(ahead))

    @property
    def reopened(self) -> frozenset[RelationName]:
        """The inputs that had ended and have new rows, or are no longer said to have ended."""
        had_ended = {name for name in self._inputs if self.known.get(name, _unknown).ended}
        return frozenset(had_ended & self.advancing | had_ended - self.ended())

    def stirs(self, at: datetime) -> bool:
        """Whether time advances though there are no new rows."""
        marks = Watermarks(self.product, self.known, at, ended=self.ended())
        marks.settle()
        return marks.stirs

    @property
    def _inputs(self) -> Iterator[RelationName]:
        yield from (step.relation for step in self.product.sources)
        yield from (port.relation for port in self.product.foreign)

    def _is_complete(self, port: RelationName) -> bool:
        return self.complete.get(port, port not in self.advancing and self.known.get(port, _unknown).ended)


def _timed_inputs(product: ProductPlan) -> dict[RelationName, EventTime]:
    """The event times of a product's sources, and of the ports of other products that it reads."""
    sources = {step.relation: step.event_time for step in product.sources if step.event_time}
    return sources | {port.relation: port.event_time for port in product.foreign if port.event_time}


def _ended(
    product: ProductPlan, inputs: Collection[RelationName], deferred: Collection[RelationName]
) -> frozenset[RelationName]:
    """What has ended: inputs, and the models all of whose inputs have."""
    ended = set(inputs)
    for model in product.models:
        if model.relation not in deferred and ended.issuperset(model.analysis.reads):
            ended.add(model.relation)
    return frozenset(ended)


def _less(moment: datetime, delay: timedelta) -> datetime:
    try:
        return moment - delay
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _greatest(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


def _mark(mark: Watermark) -> int:
    if mark.ended:
        return END
    return BEGINNING if mark.at is None else since_1970(mark.at)
