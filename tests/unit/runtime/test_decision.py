"""Which models go on and which start anew."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from headwater.incremental.program import ChangeMode, Input
from headwater.plan.steps import ModelStep, ProductPlan
from headwater.quality.checks import Judgement, ReferenceCheck
from headwater.runtime.compute import stale_models
from headwater.runtime.decision import Decision, Moving, decide, reset_sources, version_tokens
from headwater.runtime.state import Snapshot, Watermark
from headwater.spec.contract import Budget, EventTime

from .plans import foreign, model, name, product, recorded, source

EMPTY = Snapshot(0, {}, {}, {}, {}, {}, (), ())
REPLACE = ChangeMode.REPLACE


def moving(advancing: str = "", replaced: str = "", reset: str = "", *, single: bool = True) -> Moving:
    sets = [frozenset(map(name, text.split())) for text in (advancing, replaced, reset)]
    return Moving(sets[0], sets[1], sets[2], single)


def settled(plan: ProductPlan) -> Snapshot:
    """The state after a run that left nothing stale."""
    positions = {step.relation: {"read": 1} for step in plan.sources}
    versions = {port.relation: "v" for port in plan.foreign}
    versions |= {step.relation: "1" for step in plan.models if step.output != "view"}
    known = {step.relation: recorded(str(step.relation), step.fingerprint) for step in (*plan.sources, *plan.models)}
    tokens = version_tokens(plan, positions, versions)
    inputs = {
        step.relation: {read.relation: tokens[read.relation] for read in step.program.inputs}
        for step in plan.models
        if step.program.mode is REPLACE
    }
    seen = {port.relation: 1 for port in plan.foreign}
    return Snapshot(1, positions, seen, versions, inputs, known, (), ())


def names(found: frozenset[object]) -> str:
    return " ".join(sorted(str(one).removeprefix("p.") for one in found))


def test_first_run_takes_changes() -> None:
    plan = product(source("s"), model("a", "s"), model("v", "a", output="view"), model("b", "v"))
    decision = decide(plan, EMPTY, moving("s"))
    assert names(decision.active) == "a b v"
    assert names(decision.rebuild) == ""
    assert names(decision.wanted) == "a s v"


def test_changes_nobody_stores_are_not_wanted() -> None:
    plan = product(source("s"), model("v", "s", output="view"), model("full", "v", REPLACE))
    assert names(decide(plan, EMPTY, moving("s")).wanted) == ""


def test_changed_query_is_rebuilt_and_all_that_appends_from_it() -> None:
    old = product(source("s"), model("a", "s"), model("b", "a"), model("c", "s"))
    new = product(source("s"), model("a", "s", fingerprint="2"), model("b", "a"), model("c", "s"))
    decision = decide(new, settled(old), moving("s"))
    assert names(decision.rebuild) == "a b"
    assert names(decision.active) == "c"


def test_new_model_over_old_rows_is_rebuilt() -> None:
    old = product(source("s"))
    new = product(source("s"), source("t"), model("a", "s"), model("b", "t"))
    assert names(decide(new, settled(old), moving("s t")).rebuild) == "a"


def test_new_model_over_a_view_of_old_rows_is_rebuilt() -> None:
    old = product(source("s"))
    new = product(source("s"), model("v", "s", output="view"), model("b", "v"))
    assert names(decide(new, settled(old), moving()).rebuild) == "b v"


@pytest.mark.parametrize("news", [moving(replaced="q.f"), moving(advancing="q.f", replaced="q.f")])
def test_replaced_input_rebuilds(news: Moving) -> None:
    plan = product(foreign("q.f"), model("a", "q.f"), model("b", "a"))
    assert names(decide(plan, settled(plan), news).rebuild) == "a b"


def test_first_look_at_a_foreign_table_is_no_rebuild() -> None:
    plan = product(foreign("q.f"), model("a", "q.f"))
    assert names(decide(plan, EMPTY, moving("q.f")).rebuild) == ""


def test_changed_source_is_read_again_and_its_readers_start_anew() -> None:
    old = product(source("s"), model("a", "s"))
    new = product(source("s", "2"), model("a", "s"))
    reset = reset_sources(new, settled(old))
    assert names(reset) == "s"
    news = dataclasses.replace(moving("s"), reset=reset)
    assert names(decide(new, settled(old), news).rebuild) == "a"


def test_looked_up_relation_that_changes_rebuilds() -> None:
    plan = product(source("s"), source("t"), model("a", "s", lookups="t"))
    state = settled(plan)
    assert names(decide(plan, state, moving("s")).rebuild) == ""
    assert names(decide(plan, state, moving("s t")).rebuild) == "a"


def test_lookup_of_a_replaced_model_waits_for_it() -> None:
    plan = product(source("s"), source("t"), model("full", "t", REPLACE), model("a", "s", lookups="full"))
    assert names(decide(plan, EMPTY, moving("s t")).rebuild) == "a"


def test_reference_to_a_replaced_model_waits_for_it() -> None:
    refers = Judgement("c", "1", (ReferenceCheck("r", ("id",), name("full"), ("id",), "r"),), Budget())
    plan = product(
        source("s"), source("t"), model("full", "t", REPLACE), model("a", "s", judgement=refers), model("b", "s")
    )
    assert names(decide(plan, EMPTY, moving("s t")).rebuild) == "a"
    assert names(decide(plan, settled(plan), moving("s")).rebuild) == ""
    assert names(decide(plan, settled(plan), moving("t")).rebuild) == "a"


def test_lookup_that_arrives_in_pieces_is_awaited() -> None:
    plan = product(source("s"), source("t"), model("a", "s", lookups="t"))
    assert names(decide(plan, EMPTY, moving("s t", single=False)).rebuild) == "a"
    assert names(decide(plan, EMPTY, moving("s t", single=True)).rebuild) == ""


def stale(plan: ProductPlan, state: Snapshot, news: Moving | None = None) -> str:
    decision: Decision = decide(plan, state, news or moving())
    return names(stale_models(plan, state, decision, version_tokens(plan, state.positions, state.versions)))


def test_settled_state_has_nothing_stale() -> None:
    plan = product(source("s"), model("a", "s"), model("v", "a", output="view"), model("full", "v", REPLACE))
    assert stale(plan, settled(plan)) == ""


def test_moved_position_makes_replaced_models_stale_through_views() -> None:
    plan = product(
        source("s"),
        source("t"),
        model("v", "s", output="view"),
        model("one", "v", REPLACE),
        model("two", "one", REPLACE),
        model("other", "t", REPLACE),
    )
    state = settled(plan)
    state = dataclasses.replace(state, positions={**state.positions, name("s"): {"read": 2}})
    assert stale(plan, state) == "one two"


def test_compacted_foreign_table_makes_nothing_stale() -> None:
    plan = product(foreign("q.f"), model("full", "q.f", REPLACE))
    state = settled(plan)
    assert stale(plan, dataclasses.replace(state, foreign={name("q.f"): 7})) == ""
    assert stale(plan, dataclasses.replace(state, versions={**state.versions, name("q.f"): "w"})) == "full"


def test_stale_view_makes_its_readers_stale() -> None:
    old = product(source("s"), model("v", "s", REPLACE, output="view"), model("full", "v", REPLACE))
    new = product(source("s"), model("v", "s", REPLACE, output="view", fingerprint="2"), model("full", "v", REPLACE))
    assert stale(new, settled(old)) == "full v"


def waiting(step: ModelStep, *clocks: str) -> ModelStep:
    """The model, keeping what it has until the watermarks of relations pass it."""
    inputs = (*step.program.inputs, *(Input(name(text), "watermark") for text in clocks))
    return dataclasses.replace(
        step, program=dataclasses.replace(step.program, inputs=inputs, steps=step.program.rebuild)
    )


def timed(step: ModelStep) -> ModelStep:
    """The model, with an event time of its own."""
    return dataclasses.replace(
        step, judgement=Judgement("c", "1", (), Budget(), event_time=EventTime("id", timedelta()))
    )


def test_what_waits_for_time_is_computed_anew_when_rows_come_behind_it() -> None:
    plan = product(
        source("s"), source("t"), model("map", "s"), waiting(model("w", "map"), "s"), waiting(model("u", "t"), "t")
    )
    belated = dataclasses.replace(moving("s t"), belated=frozenset({name("s")}))
    decision = decide(plan, settled(plan), belated)
    assert names(decision.rebuild) == "w"
    assert names(decision.active) == "map u"
    assert names(decide(plan, settled(plan), moving("s t")).rebuild) == ""


def test_a_model_that_tells_late_rows_itself_lets_belated_ones_through_only_behind_its_end() -> None:
    plan = product(source("s"), timed(model("m", "s")), waiting(model("w", "m"), "m"))
    belated = dataclasses.replace(moving("s"), belated=frozenset({name("s")}))
    assert names(decide(plan, settled(plan), belated).rebuild) == ""
    for ended, rebuilt in ((False, ""), (True, "w")):
        snapshot = dataclasses.replace(settled(plan), watermarks={name("m"): Watermark(ended=ended)})
        assert names(decide(plan, snapshot, belated).rebuild) == rebuilt
