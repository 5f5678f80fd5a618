"""The first and the last event time among rows, as an engine finds them.

Apart from the watermarks, which are values: intake, publication and replays ask here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from headwater.quality.times import event_time_of
from headwater.spec.contract import EventTime
from headwater.spi.engine import Session
from headwater.types import Schema

__all__ = ["earliest", "latest"]


def earliest(session: Session, rows: str, schema: Schema, event_time: EventTime) -> datetime | None:
    """The least event time in a relation; None when there are no rows."""
    return _asked("min", session, rows, schema, event_time)


def latest(session: Session, rows: str, schema: Schema, event_time: EventTime) -> datetime | None:
    """The greatest event time in a relation; None when there are no rows."""
    return _asked("max", session, rows, schema, event_time)


def _asked(
    which: Literal["min", "max"], session: Session, rows: str, schema: Schema, event_time: EventTime
) -> datetime | None:
    column = schema.get(event_time.column)
    if column is None:
        return None
    found: datetime | None = session.fetch(f"SELECT {which}({event_time_of(column)}) FROM {rows}")[0][0]
    return None if found is None else found.replace(tzinfo=UTC)
