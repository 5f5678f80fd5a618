"""What happens during a run, as values that any listener may receive.

They stand at the root because drivers meet only through them: the runtime
tells, and progress bars, telemetry, catalogs and tests listen. An event is
told after the fact it names; a listener that raises stops the run, which is how
the kill tests stop a run between any two steps of the commit protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from headwater.types import Counts, RelationName
from headwater.values import frozen

__all__ = [
    "Acknowledged",
    "EpochFinished",
    "EpochStarted",
    "Event",
    "Judged",
    "Landed",
    "Listener",
    "OutboxCleared",
    "ProductFinished",
    "ProductStarted",
    "Recovered",
    "RunFinished",
    "RunStarted",
    "SinkCommitted",
    "Staged",
    "StateCommitted",
]


@frozen
class RunStarted:
    run: str
    environment: str
    products: tuple[str, ...]
    at: datetime


@frozen
class ProductStarted:
    """``steps`` is the number of models that may be computed: the length of a progress bar."""

    run: str
    product: str
    steps: int


@frozen
class Recovered:
    """An epoch that an earlier run left in the outbox has reached its sinks."""

    product: str
    epoch: int


@frozen
class EpochStarted:
    product: str
    epoch: int


@frozen
class Landed:
    """A source's rows of this epoch are in the engine; ``malformed`` of them could not be decoded."""

    product: str
    epoch: int
    source: RelationName
    rows: int
    malformed: int


@frozen
class Judged:
    """A relation was computed and its contract applied."""

    product: str
    epoch: int
    relation: RelationName
    counts: Counts


@frozen
class Staged:
    """A relation's rows lie in its sink's storage, not yet visible to readers."""

    product: str
    epoch: int
    relation: RelationName
    rows: int


@frozen
class StateCommitted:
    """Step 1 of the commit protocol: state, positions and outbox are durable."""

    product: str
    epoch: int


@frozen
class SinkCommitted:
    """Step 2: readers of the relation see the epoch; that took ``seconds``."""

    product: str
    epoch: int
    relation: RelationName
    seconds: float


@frozen
class Acknowledged:
    """The source was told that it may forget what this epoch read."""

    product: str
    epoch: int
    source: RelationName


@frozen
class OutboxCleared:
    """Step 3: nothing of the epoch is left to publish."""

    product: str
    epoch: int


@frozen
class EpochFinished:
    product: str
    epoch: int


@frozen
class ProductFinished:
    run: str
    product: str
    epochs: int


@frozen
class RunFinished:
    run: str
    at: datetime
    failed: bool


Event: TypeAlias = (
    RunStarted
    | ProductStarted
    | Recovered
    | EpochStarted
    | Landed
    | Judged
    | Staged
    | StateCommitted
    | SinkCommitted
    | Acknowledged
    | OutboxCleared
    | EpochFinished
    | ProductFinished
    | RunFinished
)

Listener: TypeAlias = Callable[[Event], None]
