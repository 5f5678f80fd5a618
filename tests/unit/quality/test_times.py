"""Which rows are late, ahead of the clock, or outside the calendar; for every type that holds a moment."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from headwater.quality import Judgement, Timing, compile_judgement
from headwater.spec.contract import Contract, EventTime, Property
from headwater.types import RelationName, Schema

NAME = RelationName("shop", "orders")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEN = NOON - timedelta(hours=2)
MIDNIGHT = NOON - timedelta(hours=12)
MOMENTS = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


def judgement(
    kind: str = "TIMESTAMP", *, late: Literal["quarantine", "drop"] = "quarantine", future: int | None = 5, **more: Any
) -> Judgement:
    ahead = None if future is None else timedelta(minutes=future)
    properties = more.pop("properties", (Property("id"), Property("at")))
    timed = EventTime("AT", timedelta(minutes=10), late=late, future=ahead)
    contract = Contract("orders", "1.0.0", "orders", "orders.odcs.yaml", properties, event_time=timed, **more)
    return compile_judgement(contract, NAME, Schema.of({"id": "BIGINT", "at": kind}))


def judged(
    product: Any, kind: str, given: Judgement, *moments: str | None, watermark: datetime | None = TEN
) -> tuple[list[str], Any]:
    """For each moment why it was refused, "" when it was not; and the product."""
    made = product({"id": "BIGINT", "at": kind}, given)
    made.timing = Timing(NOON, watermark)
    made.epochs([(number, moment, "f", number) for number, moment in enumerate(moments)])
    codes = {bad["offset"]: " ".join(bad["codes"]) for bad in made.quarantine}
    assert made.counts.balanced
    return [codes.get(number, "") for number in range(len(moments))], made


@pytest.mark.parametrize(
    "kind", ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_MS", "TIMESTAMP_S", "TIMESTAMP_NS"]
)
def test_a_row_exactly_at_the_watermark_is_on_time_and_one_at_the_bound_is_not_ahead(product: Any, kind: str) -> None:
    zone = "+00" if kind.endswith("ZONE") else ""
    moments = [f"2026-03-01 {time}{zone}" for time in ("09:59:59", "10:00:00", "12:05:00", "12:05:01")]
    codes, made = judged(product, kind, judgement(kind), *moments)
    assert codes == ["late", "", "", "future"]
    assert (made.counts.late, made.counts.quarantined) == (1, 1)


def test_a_moment_of_another_zone_is_compared_in_utc(product: Any) -> None:
    kind = "TIMESTAMP WITH TIME ZONE"
    codes, _ = judged(product, kind, judgement(kind), "2026-03-01 11:59:00+02", "2026-03-01 05:00:00-05")
    assert codes == ["late", ""]


def test_a_date_is_its_first_moment(product: Any) -> None:
    codes, _ = judged(
        product, "DATE", judgement("DATE"), "2026-03-01", "2026-03-02", watermark=NOON - timedelta(hours=12)
    )
    assert codes == ["", "future"]
    codes, _ = judged(product, "DATE", judgement("DATE"), "2026-03-01", watermark=TEN)
    assert codes == ["late"]


@pytest.mark.parametrize("kind", [*MOMENTS, "DATE"])
def test_moments_that_end_all_time_are_outside_the_calendar(product: Any, kind: str) -> None:
    moments = ("infinity", "-infinity", "290000-01-01", None, "9999-12-31")
    codes, _ = judged(product, kind, judgement(kind, future=None), *moments, watermark=None)
    assert codes == ["calendar:at", "calendar:at", "calendar:at", "required:at", ""]


def test_a_date_beyond_all_timestamps_is_refused_and_breaks_nothing(product: Any) -> None:
    codes, _ = judged(product, "DATE", judgement("DATE"), "400000-01-01", "2026-03-01", watermark=None)
    assert codes == ["calendar:at future", ""]


def test_before_the_first_watermark_nothing_is_late(product: Any) -> None:
    codes, _ = judged(product, "TIMESTAMP", judgement(future=None), "0001-01-01", watermark=None)
    assert codes == [""]


def test_a_late_row_tells_all_that_is_wrong_and_counts_as_late(product: Any) -> None:
    given = judgement(properties=(Property("id", options={"maximum": 0}), Property("at")))
    codes, made = judged(product, "TIMESTAMP", given, "2026-03-01 09:00", "2026-03-01 09:00", "2026-03-01 11:00")
    assert codes == ["late", "maximum:id late", "maximum:id"]
    assert (made.counts.late, made.counts.quarantined) == (2, 1)


def test_a_late_row_holds_no_key(product: Any) -> None:
    given = judgement(properties=(Property("id"), Property("at")), references=())
    made = product({"id": "BIGINT", "at": "TIMESTAMP"}, given)
    keyed = Contract(
        "orders",
        "1",
        "orders",
        "o.odcs.yaml",
        (Property("id", unique=True), Property("at")),
        event_time=EventTime("at", timedelta(0)),
    )
    made.judgement = compile_judgement(keyed, NAME, made.schema)
    made.timing = Timing(NOON, TEN)
    made.epochs([(1, "2026-03-01 09:00", "f", 1), (1, "2026-03-01 11:00", "f", 2)])
    assert [bad["codes"] for bad in made.quarantine] == [["late"]]
    assert [row[0] for row in made.published] == [1]


def test_of_a_dropped_row_only_its_place_is_kept(product: Any) -> None:
    given = judgement(late="drop")
    _, made = judged(product, "TIMESTAMP", given, "2026-03-01 09:00", "2026-03-01 12:30", "2026-03-01 09:00")
    kept = {bad["offset"]: (bad["codes"], bad["row"] and json.loads(bad["row"])["id"]) for bad in made.quarantine}
    assert kept == {0: (["late"], None), 1: (["future"], 1), 2: (["late"], None)}
    assert len({bad["quarantine_id"] for bad in made.quarantine}) == 3


def test_no_timing_judges_no_time(product: Any) -> None:
    made = product({"id": "BIGINT", "at": "TIMESTAMP"}, judgement())
    made.epochs([(1, "2020-01-01", "f", 1), (2, "2990-01-01", "f", 2)])
    assert made.counts.accepted == 2


def test_a_clock_at_the_end_of_the_calendar(product: Any) -> None:
    made = product({"id": "BIGINT", "at": "TIMESTAMP"}, judgement())
    made.timing = Timing(datetime.max.replace(tzinfo=UTC))
    made.epochs([(1, "9999-12-31 23:59:59", "f", 1)])
    assert made.counts.accepted == 1
