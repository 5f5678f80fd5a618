"""A product's durable memory: what was read, published and is still to be published."""

from headwater.runtime.state.store import StateStore
from headwater.runtime.state.values import (
    CheckResult,
    EpochKind,
    EpochRecord,
    LedgerRow,
    OutboxEntry,
    Snapshot,
    StagedTable,
    Watermark,
)

__all__ = [
    "CheckResult",
    "EpochKind",
    "EpochRecord",
    "LedgerRow",
    "OutboxEntry",
    "Snapshot",
    "StagedTable",
    "StateStore",
    "Watermark",
]
