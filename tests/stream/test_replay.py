"""A replay admits what today's contract admits, once, wherever it is killed."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headwater import api
from headwater.errors import UsageError
from headwater.testing.crash import CrashBench

SCENARIO = str(Path(__file__).parent / "replay.py")


@pytest.fixture(scope="module")
def scenario() -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location("replay_scenario", SCENARIO)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def argument(root: Path, **more: Any) -> str:
    return json.dumps({"root": str(root), **more})


def keys(found: dict[str, list[str]]) -> list[str]:
    return [row.split(",")[0] for row in found["shop.sales"]]


def quiet(event: object) -> None:
    """Listens to nothing."""


def test_rows_are_admitted_when_what_they_refer_to_arrives(scenario: Any, tmp_path: Path) -> None:
    scenario.write(tmp_path, "parquet")
    before = scenario.run(argument(tmp_path), quiet)
    assert before["sales"] == ["Counts(read=5, accepted=1, late=0, quarantined=4)"]
    assert before["shop.sales"] == ["(1, 'Oslo', Decimal('10.10'), ['a'])"]
    (tmp_path / "data/cities2.csv").write_text("name\nRome\n", encoding="utf-8")
    after = scenario.run(argument(tmp_path, replay=True), quiet)
    assert after["shop.sales"] == [
        "(1, 'Oslo', Decimal('10.10'), ['a'])",
        "(2, 'Rome', Decimal('20.20'), ['b', 'c'])",
        "(4, 'Rome', Decimal('4.40'), [])",
    ]
    assert after["shop.large"] == ["(1, Decimal('10.10'))", "(2, Decimal('20.20'))"]
    assert after["shop.by_city"] == ["('Oslo', 1, Decimal('10.10'))", "('Rome', 2, Decimal('24.60'))"]
    assert after["sales"] == ["Counts(read=5, accepted=3, late=0, quarantined=2)"]
    assert len(after["released"]) == 2
    assert after["known to be released"] == after["released"]
    # The second row with the key 2 is refused again, for another reason, and stays as it was.
    again = scenario.run(argument(tmp_path, replay=True), quiet)
    assert again == after
    whole = scenario.run(argument(tmp_path), quiet)
    assert whole["report.total"] == ["(Decimal('34.70'),)"]


def test_a_key_that_is_taken_meanwhile_is_refused_again(scenario: Any, tmp_path: Path) -> None:
    scenario.write(tmp_path, "parquet")
    scenario.run(argument(tmp_path), quiet)
    (tmp_path / "data/orders2.csv").write_text(scenario.LATER, encoding="utf-8")
    (tmp_path / "data/cities2.csv").write_text("name\nRome\nBonn\n", encoding="utf-8")
    found = scenario.run(argument(tmp_path, replay=True), quiet)
    assert [row for row in found["shop.sales"] if row.startswith("(4,")] == ["(4, 'Oslo', Decimal('9.90'), None)"]
    assert found["sales"] == ["Counts(read=7, accepted=5, late=0, quarantined=2)"]


def test_a_changed_contract_judges_all_rows_anew_and_releases_nothing_twice(scenario: Any, tmp_path: Path) -> None:
    scenario.write(tmp_path, "parquet")
    scenario.run(argument(tmp_path), quiet)
    (tmp_path / "data/cities2.csv").write_text("name\nRome\n", encoding="utf-8")
    replayed = scenario.run(argument(tmp_path, replay=True), quiet)
    contract = tmp_path / "shop/sales.odcs.yaml"
    strict = scenario.contract.replace("amount, logicalType: number", "amount, logicalType: number, required: true")
    contract.write_text(strict, encoding="utf-8")
    assert keys(scenario.run(argument(tmp_path, replay=True), quiet)) == keys(replayed)
    strict = strict.replace("logicalType: number", "logicalType: number, logicalTypeOptions: {minimum: 5}")
    contract.write_text(strict, encoding="utf-8")
    assert len(scenario.run(argument(tmp_path, replay=True), quiet)["shop.sales"]) == 2
    contract.write_text(scenario.contract, encoding="utf-8")
    assert keys(scenario.run(argument(tmp_path, replay=True), quiet)) == keys(replayed)


def test_rows_of_a_source_are_released_to_all_that_reads_it(scenario: Any, tmp_path: Path) -> None:
    scenario.write(tmp_path, "parquet")
    (tmp_path / "shop/sales.odcs.yaml").unlink()
    of_source = scenario.contract.replace("name: sales", "name: orders").replace("known.name", "cities.name")
    (tmp_path / "shop/orders.odcs.yaml").write_text(of_source, encoding="utf-8")
    (tmp_path / "shop/sums.sql").write_text("SELECT sum(amount) AS total FROM orders", encoding="utf-8")
    project = api.load(tmp_path)
    assert api.run(project).exit_code == 0
    assert api.query(project, "SELECT id FROM shop.sales").rows == ((1,),)
    (tmp_path / "data/cities2.csv").write_text("name\nRome\n", encoding="utf-8")
    outcome = api.quarantine_replay(project, "shop.orders")
    assert outcome.balanced
    assert api.query(project, "SELECT id, amount FROM shop.sales ORDER BY id").rows == (
        (1, Decimal("10.10")),
        (2, Decimal("20.20")),
        (4, Decimal("4.40")),
    )
    assert api.query(project, "SELECT total FROM shop.sums").rows == ((Decimal("34.70"),),)
    (tmp_path / "data/orders2.csv").write_text(scenario.LATER, encoding="utf-8")
    assert api.run(project).exit_code == 0
    assert api.query(project, "SELECT id FROM shop.sales ORDER BY id").rows == ((1,), (2,), (4,), (5,))
    listed = {reason.code: (reason.rows, reason.released) for reason in api.quarantine_list(project, "shop.orders")}
    assert listed == {"reference:city->shop.cities.name": (2, 2), "unique:id": (1, 0)}
    assert api.quarantine_replay(project, "shop.orders").nothing_to_do


def test_calls_that_cannot_work_are_refused_before_anything_runs(scenario: Any, tmp_path: Path) -> None:
    scenario.write(tmp_path, "parquet")
    project = api.load(tmp_path)
    for relation in ("shop.nothing", "shop.known", "shop.orders"):
        with pytest.raises(UsageError):
            api.quarantine_replay(project, relation)
    assert not (tmp_path / ".headwater" / "dev" / "state").exists()


@pytest.mark.parametrize(
    ("format", "points"), [("parquet", None), ("delta", {"Staged", "StateCommitted", "SinkCommitted"})]
)
def test_a_replay_killed_at_an_event_is_finished_by_the_next(
    scenario: Any, tmp_path: Path, format: str, points: set[str] | None
) -> None:
    """``points`` are the events of the replay's epoch at the first of which it is killed; None means all."""
    start = tmp_path / "start"
    scenario.write(start, format)
    with CrashBench(f"{SCENARIO}:run") as bench:
        assert bench.run(argument(start)).error is None
        (start / "data/cities2.csv").write_text("name\nRome\n", encoding="utf-8")
        shutil.copytree(start, tmp_path / "whole", symlinks=True)
        whole = bench.run(argument(tmp_path / "whole", replay=True))
        assert whole.error is None
        assert whole.events.count("StateCommitted") == 2
        ordinary = whole.events.index("OutboxCleared") + 1
        told = list(enumerate(whole.events[ordinary:], start=ordinary + 1))
        first = {name: kill_at for kill_at, name in reversed(told)}
        for kill_at in sorted(first[name] for name in points) if points else [kill_at for kill_at, _ in told]:
            root = tmp_path / f"killed{kill_at}"
            shutil.copytree(start, root, symlinks=True)
            assert bench.run(argument(root, replay=True), kill_at=kill_at).killed
            finished = bench.run(argument(root, replay=True))
            assert finished.answer == whole.answer, (kill_at, whole.events[kill_at - 1], finished.error)
            shutil.rmtree(root)
