"""What is published before what, and what at the same time."""

from __future__ import annotations

from headwater.plan.steps import ProductPlan
from headwater.quality.checks import Judgement, ReferenceCheck
from headwater.runtime.commit import waves
from headwater.runtime.ordering import publication_ranks, readers_of
from headwater.runtime.state import OutboxEntry
from headwater.spec.contract import Budget
from headwater.spi.table import CommitId, Committable, PublishMode

from .plans import foreign, model, name, product, source


def refers_to(text: str) -> Judgement:
    return Judgement("c", "1", (ReferenceCheck("r", ("id",), name(text), ("id",), "r"),), Budget())


def shop() -> ProductPlan:
    return product(
        source("raw"),
        foreign("other.port"),
        model("orders", "raw other.port"),
        model("cities", "raw"),
        model("seen", "orders", output="view"),
        model("totals", "seen"),
        model("checked", "raw", judgement=refers_to("totals")),
    )


def outbox(*names: str) -> list[OutboxEntry]:
    return [OutboxEntry("parquet", Committable(CommitId(name(n), "1", 1), PublishMode.APPEND, 0, {})) for n in names]


def published(*names: str, plan: ProductPlan) -> list[list[str]]:
    parts = waves(outbox(*names), publication_ranks(plan))
    return [[entry.relation.name for entry in part] for part in parts]


def test_tables_wait_for_what_they_are_computed_from_and_for_their_quarantine() -> None:
    every = ("raw__quarantine", "orders__quarantine", "orders", "cities", "totals", "checked__quarantine", "checked")
    assert published(*every, plan=shop()) == [
        ["raw__quarantine"],
        ["orders__quarantine"],
        ["orders", "cities"],
        ["totals"],
        ["checked__quarantine"],
        ["checked"],
    ]


def test_tables_wait_for_nothing_that_is_not_published() -> None:
    assert published("cities", "totals", plan=shop()) == [["cities"], ["totals"]]
    assert published("orders", "cities", plan=shop()) == [["orders", "cities"]]


def test_an_outbox_with_a_table_that_is_declared_no_longer_keeps_its_order() -> None:
    assert published("orders", "gone", "cities", plan=shop()) == [["orders"], ["gone"], ["cities"]]


def test_readers_are_found_in_queries_and_in_contracts() -> None:
    readers = readers_of(shop())
    assert readers[name("raw")] == {name("orders"), name("cities"), name("checked")}
    assert readers[name("totals")] == {name("checked")}
