"""How watermarks advance: out of order, idle, ended and begun anew; as values, without a run."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.incremental.moments import BEGINNING, END, Marks
from headwater.plan.steps import ProductPlan, SourceStep
from headwater.quality.checks import Judgement
from headwater.quality.times import Timing
from headwater.runtime.state import Watermark
from headwater.runtime.watermarks import Progression, Watermarks
from headwater.spec.contract import Budget, EventTime
from headwater.types import RelationName

from .plans import foreign, model, name, product, source

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
S, T, M = name("s"), name("t"), name("m")


def minutes(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def judged(delay: float = 10, *, idle: float | None = None) -> Judgement:
    silence = None if idle is None else timedelta(minutes=idle)
    return Judgement("c", "1", (), Budget(), event_time=EventTime("id", timedelta(minutes=delay), idle=silence))


def timed(text: str, delay: float = 10, *, idle: float | None = None, bounded: bool = False) -> SourceStep:
    step = source(text, judgement=judged(delay, idle=idle))
    return dataclasses.replace(step, source=dataclasses.replace(step.source, bounded=bounded))


def test_the_watermark_is_the_greatest_time_less_the_delay_and_never_goes_back() -> None:
    plan = product(timed("s"))
    marks = Watermarks(plan, {}, NOW)
    assert marks.timing(S, anew=False) == Timing(NOW, None)
    marks.accept(S, minutes(0), anew=False)
    marks.settle()
    assert marks.changed == {S: Watermark(minutes(0), minutes(-10), ended=False, active_at=NOW)}
    later = Watermarks(plan, marks.changed, minutes(1))
    later.accept(S, minutes(-9), anew=False)
    later.settle()
    assert later.timing(S, anew=False) == Timing(minutes(1), minutes(-10))
    assert later.changed == {S: Watermark(minutes(0), minutes(-10), ended=False, active_at=minutes(1))}
    assert not later.has_moved(S)


def test_what_starts_anew_has_no_past() -> None:
    known = {S: Watermark(minutes(0), minutes(-10), active_at=NOW)}
    marks = Watermarks(product(timed("s")), known, NOW)
    assert marks.timing(S, anew=True).watermark is None
    marks.accept(S, minutes(-60), anew=True)
    assert marks.now(S).at == minutes(-70)
    assert shown(marks) == (None, minutes(-70))
    empty = Watermarks(product(timed("s")), known, NOW)
    empty.accept(S, None, anew=True)
    assert empty.changed == {S: Watermark(active_at=NOW)}


def test_a_delay_longer_than_the_calendar_is_no_watermark_that_anything_is_behind() -> None:
    marks = Watermarks(product(timed("s", delay=1_000_000_000)), {}, NOW)
    marks.accept(S, datetime(1, 1, 1, tzinfo=UTC), anew=False)
    assert marks.now(S).at == datetime.min.replace(tzinfo=UTC)


def shown(marks: Watermarks) -> tuple[object, ...]:
    """What programs read of the source."""
    found = marks.marks(S)
    ends = {BEGINNING: None, END: "ended"}
    both = (found.previous, found.now)
    return tuple(ends[at] if at in ends else datetime.fromtimestamp(at / 1e6, UTC) for at in both)


def test_what_programs_read() -> None:
    silent = Watermarks(product(timed("s")), {}, NOW)
    for relation in (S, name("nobody.knows")):
        assert silent.marks(relation) == Marks(BEGINNING, BEGINNING)
    known = {S: Watermark(minutes(0), minutes(-10), active_at=NOW)}
    assert shown(Watermarks(product(timed("s")), known, NOW)) == (minutes(-10), minutes(-10))
    ending = Watermarks(product(timed("s")), known, NOW, ended={S})
    assert shown(ending) == (minutes(-10), "ended")


@pytest.mark.parametrize(
    ("silent", "others", "expected"),
    [
        (29, {"t": Watermark(minutes(0), minutes(0), active_at=NOW)}, minutes(-60)),
        (30, {"t": Watermark(minutes(0), minutes(0), active_at=NOW)}, minutes(0)),
        (30, {"t": Watermark(minutes(-90), minutes(-90), active_at=NOW)}, minutes(-60)),
        (30, {}, minutes(-60)),
        (30, {"t": Watermark(minutes(0), minutes(0), ended=True, active_at=NOW)}, minutes(-60)),
    ],
    ids=["not yet idle", "idle", "the others are behind", "the others never spoke", "the others ended"],
)
def test_idle(silent: float, others: dict[str, Watermark], expected: datetime) -> None:
    known = {S: Watermark(minutes(-60), minutes(-60), active_at=minutes(-silent))}
    known |= {name(text): mark for text, mark in others.items()}
    ended = {each for each, mark in known.items() if mark.ended}
    marks = Watermarks(product(timed("s", 0, idle=30), timed("t", 0)), known, NOW, ended=ended)
    marks.settle()
    assert marks.now(S).at == expected


def test_a_source_that_never_spoke_is_idle_some_time_after_the_first_epoch() -> None:
    plan = product(timed("s", 0, idle=30), timed("t", 0))
    first = Watermarks(plan, {}, NOW)
    first.accept(T, minutes(-5), anew=False)
    first.settle()
    assert first.now(S) == Watermark(active_at=NOW)
    later = Watermarks(plan, first.changed, minutes(30))
    later.settle()
    assert later.now(S).at == minutes(-5)


def test_a_model_ends_when_all_that_it_reads_has_and_it_is_up_to_date() -> None:
    plan = product(source("s"), timed("t"), model("a", "s"), model("m", "a t", judgement=judged()))
    assert ends(Watermarks(plan, {}, NOW, ended={S})) == {"s", "a"}
    assert ends(Watermarks(plan, {}, NOW, ended={S, T})) == {"s", "t", "a", "m"}
    assert ends(Watermarks(plan, {}, NOW, ended={S, T}, deferred={name("a")})) == {"s", "t"}


def ends(marks: Watermarks) -> set[str]:
    return {each.name for each, mark in marks.changed.items() if mark.ended}


def test_what_is_declared_no_longer_is_not_remembered_again() -> None:
    known = {name("gone"): Watermark(minutes(0), minutes(0), active_at=NOW)}
    assert Watermarks(product(source("s")), known, NOW).changed == {}


def test_what_has_no_event_time_any_more_loses_its_watermark() -> None:
    known = {S: Watermark(minutes(0), minutes(0), active_at=NOW)}
    assert Watermarks(product(source("s")), known, NOW).changed == {S: Watermark()}


def progression(
    plan: ProductPlan, *, ended: str = "", advancing: str = "", complete: dict[str, bool] | None = None
) -> Progression:
    known = {name(text): Watermark(minutes(0), minutes(0), ended=True, active_at=NOW) for text in ended.split()}
    told = {name(text): told for text, told in (complete or {}).items()}
    return Progression(plan, known, frozenset(map(name, advancing.split())), told)


def names(found: frozenset[object]) -> str:
    return " ".join(sorted(str(one).removeprefix("p.") for one in found))


def test_bounded_sources_end_unless_more_is_to_be_read() -> None:
    plan = product(timed("s", bounded=True), timed("t"))
    assert names(progression(plan).ended()) == "s"
    assert names(progression(plan).ended({S})) == ""
    assert names(progression(plan, ended="s", advancing="s").reopened) == "s"
    assert names(progression(plan, ended="s t").reopened) == "t"
    assert progression(plan).stirs(NOW)
    assert not progression(plan, ended="s").stirs(NOW)


def test_ports_end_when_their_product_says_so_and_stay_so_while_it_says_nothing() -> None:
    plan = product(foreign("o.x"))
    assert names(progression(plan, complete={"o.x": True}).ended()) == "o.x"
    assert names(progression(plan, ended="o.x").ended()) == "o.x"
    assert names(progression(plan, ended="o.x", advancing="o.x").ended()) == ""
    assert names(progression(plan, ended="o.x", complete={"o.x": False}).reopened) == "o.x"
    assert names(progression(plan, ended="o.x", advancing="o.x", complete={"o.x": True}).reopened) == "o.x"


@given(st.lists(st.lists(st.integers(-600, 600), max_size=4), max_size=8))
def test_watermarks_depend_on_epochs_only_by_what_they_brought(epochs: list[list[int]]) -> None:
    plan = product(timed("s"))
    known: dict[RelationName, Watermark] = {}
    seen: list[int] = []
    for epoch in epochs:
        marks = Watermarks(plan, known, NOW)
        before = marks.timing(S, anew=False).watermark
        assert before == (minutes(max(seen) - 10) if seen else None)
        accepted = [each for each in epoch if before is None or minutes(each) >= before]
        marks.accept(S, minutes(max(accepted)) if accepted else None, anew=False)
        marks.settle()
        known = {**known, **marks.changed}
        seen += accepted
        assert not seen or known[S].newest == minutes(max(seen))
