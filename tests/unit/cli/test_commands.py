"""Every command on one workspace, as text and as JSON, whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.cli import main

from .conftest import Called, call

GoldenCall = Callable[..., Called]

READING = {
    "check": ["check"],
    "plan": ["plan"],
    "plan-all": ["plan", "--all"],
    "explain-model": ["explain", "operations.flights"],
    "explain-full": ["explain", "delay_by_carrier"],
    "explain-source": ["explain", "operations.flights_file"],
    "lineage-relation": ["lineage", "delays.delay_by_carrier"],
    "lineage-down": ["lineage", "operations.flights_file", "--down"],
    "lineage-column": ["lineage", "delays.delay_by_carrier.mean_delay"],
    "lineage-column-down": ["lineage", "operations.flights_file.dep_delay", "--down"],
    "query": ["query", "SELECT * FROM delays.delay_by_carrier ORDER BY carrier"],
    "query-limit": ["query", "SELECT flight FROM departures ORDER BY flight", "--limit", "3"],
    "query-nothing": ["query", "SELECT * FROM delays.departures WHERE false"],
    "query-quarantine": ["query", 'SELECT codes, source, "offset" FROM operations.flights__quarantine ORDER BY ALL'],
    "query-version": ["query", "SELECT count(*) AS rows FROM delays.departures FOR VERSION AS OF 1"],
    "quarantine-list": ["quarantine", "list"],
    "quarantine-list-one": ["quarantine", "list", "operations.flights_file"],
    "quarantine-list-none": ["quarantine", "list", "delays.departures"],
    "quarantine-show": ["quarantine", "show", "operations.flights"],
    "quarantine-show-raw": ["quarantine", "show", "operations.flights_file"],
    "quarantine-show-code": ["quarantine", "show", "operations.flights", "--code", "enum:origin"],
    "contract-infer": ["contract", "infer", "delays.departures"],
    "contract-check": ["contract", "check"],
    "maintain-dry": ["maintain", "--dry-run"],
    "status": ["status"],
    "history": ["history"],
}


@pytest.mark.parametrize("name", READING)
def test_a_command_as_text(name: str, flights: Path, golden_call: GoldenCall) -> None:
    assert golden_call(f"{name}.txt", flights, "-C", flights, *READING[name]).code == 0


@pytest.mark.parametrize("name", READING)
def test_a_command_as_json(name: str, flights: Path, golden_call: GoldenCall) -> None:
    called = golden_call(f"{name}.json.txt", flights, *READING[name], "--output", "json", "-C", flights)
    assert called.code == 0
    assert called.err == ""
    json.loads(called.out)


WRONG = {
    "no-such-relation": ["query", "SELECT * FROM delays.departure"],
    "no-such-version": ["query", "SELECT * FROM delays.departures FOR VERSION AS OF 99"],
    "a-source-is-not-published": ["query", "SELECT * FROM operations.flights_file"],
    "two-statements": ["query", "SELECT 1; SELECT 2"],
    "no-such-reason": ["quarantine", "show", "operations.flights", "--code", "enum:orign"],
    "no-such-run": ["quarantine", "show", "operations.flights", "--run", "20200101T000000-abcdef"],
    "not-a-query": ["query", "DROP TABLE delays.departures"],
    "a-file": ["query", "SELECT * FROM read_csv('/etc/passwd')"],
    "explain-unknown": ["explain", "delays.departure"],
    "lineage-unknown-column": ["lineage", "delays.departures.dep_dela"],
    "no-such-environment": ["plan", "--env", "prod"],
    "no-such-product": ["run", "delay"],
    "no-such-command": ["plam"],
    "no-argument": ["explain"],
    "wrong-limit": ["history", "--limit", "0"],
    "contract-missing": ["contract", "diff", "nowhere.odcs.yaml", "operations/flights.odcs.yaml"],
    "replay-unknown": ["quarantine", "replay", "delays.departure"],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_as_text(name: str, flights: Path, golden_call: GoldenCall) -> None:
    assert golden_call(f"wrong/{name}.txt", flights, "-C", flights, *WRONG[name]).code == 2


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_as_json(name: str, flights: Path, golden_call: GoldenCall) -> None:
    called = golden_call(f"wrong/{name}.json.txt", flights, "-C", flights, *WRONG[name], "--output", "json")
    assert called.code == 2
    assert called.out == ""
    assert json.loads(called.err)["error"]["message"]


def test_outside_of_a_workspace(tmp_path: Path, golden_call: GoldenCall) -> None:
    assert golden_call("wrong/no-workspace.txt", tmp_path, "-C", tmp_path, "plan").code == 2


def test_a_first_plan_run_and_a_second(tmp_path: Path, golden_call: GoldenCall) -> None:
    golden_call("init.txt", tmp_path, "init", "--template", "flights", tmp_path / "flights")
    at = ("-C", tmp_path / "flights")
    golden_call("first-plan.txt", tmp_path, *at, "plan")
    golden_call("first-status.txt", tmp_path, *at, "status")
    golden_call("first-history.txt", tmp_path, *at, "history")
    golden_call("first-query.txt", tmp_path, *at, "query", "SELECT * FROM delays.departures")
    golden_call("first-run.txt", tmp_path, *at, "run")
    golden_call("second-run.txt", tmp_path, *at, "run")
    golden_call("second-run.json.txt", tmp_path, *at, "run", "--output", "json")


def test_a_run_as_json(tmp_path: Path, golden_call: GoldenCall) -> None:
    call("init", "--template", "flights", tmp_path / "flights")
    called = golden_call("first-run.json.txt", tmp_path, "-C", tmp_path / "flights", "run", "--output", "json")
    outcome = json.loads(called.out)
    assert outcome["balanced"] is True
    assert outcome["nothing_to_do"] is False


def test_a_budget_overspent_blocks_publication(tmp_path: Path, golden_call: GoldenCall) -> None:
    root = tmp_path / "flights"
    call("init", "--template", "flights", root)
    contract = root / "operations" / "flights.odcs.yaml"
    contract.write_text(contract.read_text().replace("percent: 20", "percent: 1"))
    assert golden_call("budget-run.txt", tmp_path, "-C", root, "run").code == 1
    assert golden_call("budget-status.txt", tmp_path, "-C", root, "status").code == 0
    assert golden_call("budget-history.txt", tmp_path, "-C", root, "history").code == 0
    assert call("-C", root, "query", "SELECT * FROM operations.flights").code == 2


def test_a_run_of_one_product(tmp_path: Path) -> None:
    call("init", "--template", "flights", tmp_path)
    outcome = json.loads(call("-C", tmp_path, "run", "operations", "--output", "json").out)
    assert [product["product"] for product in outcome["products"]] == ["operations"]


def test_new_data_is_read_once_and_a_changed_contract_is_told(
    tmp_path: Path, flights: Path, golden_call: GoldenCall
) -> None:
    root = tmp_path / "flights"
    shutil.copytree(flights, root, symlinks=True)
    (root / "data" / "flights-2.csv").write_text(
        "scheduled_at,carrier,flight,origin,dest,dep_delay,distance\n2013-01-02T10:00:00Z,B6,1,JFK,BOS,3,187\n"
    )
    golden_call("new-data-run.txt", tmp_path, "-C", root, "run")
    contract = root / "operations" / "flights.odcs.yaml"
    contract.write_text(contract.read_text().replace("- value: LGA", "- value: LGA\n          - value: BOS"))
    golden_call("changed-contract-plan.txt", tmp_path, "-C", root, "plan")
    golden_call("changed-contract-plan.json.txt", tmp_path, "-C", root, "plan", "--output", "json")
    golden_call("changed-contract-run.txt", tmp_path, "-C", root, "run")
    golden_call("nothing-to-replay.txt", tmp_path, "-C", root, "quarantine", "replay", "operations.flights")


def test_contract_diff(tmp_path: Path, flights: Path, golden_call: GoldenCall) -> None:
    new = (flights / "operations" / "flights.odcs.yaml").read_text()
    old = tmp_path / "old.odcs.yaml"
    old.write_text(new.replace("exclusiveMinimum: 0", "minimum: 100").replace("version: 1.0.0", "version: 0.9.0"))
    arguments = ("-C", flights, "contract", "diff", old, "operations/flights.odcs.yaml")
    assert golden_call("contract-diff.txt", tmp_path, *arguments).code == 1
    assert golden_call("contract-diff.json.txt", tmp_path, *arguments, "--output", "json").code == 1
    same = ("operations/flights.odcs.yaml", "operations/flights.odcs.yaml")
    assert golden_call("contract-diff-none.txt", tmp_path, "-C", flights, "contract", "diff", *same).code == 0


def test_contract_infer_writes_a_file_once(tmp_path: Path, flights: Path, golden_call: GoldenCall) -> None:
    root = tmp_path / "flights"
    shutil.copytree(flights, root, symlinks=True)
    write = ("-C", root, "contract", "infer", "delays.departures", "--write")
    golden_call("contract-infer-write.txt", tmp_path, *write)
    assert call("-C", root, "check").code == 0
    golden_call("contract-infer-again.txt", tmp_path, *write)


def test_maintain(tmp_path: Path, flights: Path, golden_call: GoldenCall) -> None:
    root = tmp_path / "flights"
    shutil.copytree(flights, root, symlinks=True)
    before = call("-C", root, "query", "SELECT * FROM delays.departures ORDER BY ALL").out
    called = call("-C", root, "maintain", "--keep-days", "0", "--output", "json")
    assert called.code == 0
    assert {entry["relation"] for entry in json.loads(called.out)} >= {"operations.flights", "delays.departures"}
    assert call("-C", root, "query", "SELECT * FROM delays.departures ORDER BY ALL").out == before
    assert golden_call("maintain-nothing.txt", tmp_path, "-C", made(tmp_path), "maintain").code == 0


def made(folder: Path) -> Path:
    call("init", folder / "empty")
    return folder / "empty"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_shells_script(shell: str) -> None:
    called = call("completion", shell)
    assert called.code == 0
    assert "_HEADWATER_COMPLETE" in called.out


def test_relations_are_completed_from_file_names(flights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.shell_completion import ShellComplete

    from headwater.cli.grammar import headwater

    shell = ShellComplete(headwater, {}, "headwater", "_HEADWATER_COMPLETE")
    found = [item.value for item in shell.get_completions(["-C", str(flights), "explain"], "delays.")]
    assert found == ["delays.delay_by_carrier", "delays.departures"]
    assert "quarantine" in [item.value for item in shell.get_completions([], "qua")]


def test_a_query_can_come_from_standard_input(flights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1 AS one"))
    assert json.loads(call("-C", flights, "query", "-", "--output", "json").out) == [{"one": 1}]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("40", "40 rows"),
        ("320960", "40 of 320,960 rows; --limit 0 shows all"),
        ("1000000000000", "40 of more than a million rows; --limit 0 shows all"),
    ],
)
def test_a_large_result_is_cut_and_counted(flights: Path, rows: str, said: str) -> None:
    called = call("-C", flights, "query", f"SELECT * FROM range({rows})")
    shown = called.out.splitlines()
    assert (called.code, len(shown), shown[-1]) == (0, 44, said)


def test_every_type_has_a_json_form(flights: Path) -> None:
    query = """
        SELECT 1::TINYINT AS small, 170141183460469231731687303715884105727::HUGEINT AS huge,
        1.50::DECIMAL(10,2) AS price,
        'NaN'::DOUBLE AS nan, DATE '2024-02-29' AS day, TIMESTAMP '2024-02-29 12:00:00.25' AS at,
        TIMESTAMPTZ '2024-02-29 12:00:00+02' AS instant, TIME '12:00' AS clock, INTERVAL '1' DAY AS lasts,
        [1, NULL] AS list, {'a': {'b': 1}} AS nested, MAP {'k': 1.5} AS map, '\\xAA'::BLOB AS blob, NULL AS nothing,
        'a"b' AS text, true AS yes, uuid '00000000-0000-0000-0000-000000000001' AS id
    """
    called = call("-C", flights, "query", query, "--output", "json")
    assert called.code == 0, called.err
    (row,) = json.loads(called.out)
    assert row["huge"] == 170141183460469231731687303715884105727
    assert row["price"] == 1.5
    assert row["day"] == "2024-02-29"
    assert row["at"] == "2024-02-29T12:00:00.250000"
    assert row["instant"] == "2024-02-29T10:00:00+00:00"
    assert row["nested"] == {"a": {"b": 1}}
    assert row["map"] == {"k": 1.5}
    assert row["list"] == [1, None]
    assert row["nothing"] is None
    assert row["id"] == "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("TIMESTAMP_NS '2024-01-01 00:00:00.123456789'", "2024-01-01 00:00:00.123456789"),
        ("DATE '20000-01-01'", "20000-01-01"),
        ("INTERVAL '1 month 2 days 3 seconds'", "P1M2DT3S"),
        ("MAP {1: 2.50::DECIMAL(5,2)}", {"1": 2.5}),
        ("union_value(a := 1)", 1),
        ("chr(0)", "\0"),
        ("12345678901234567890::UBIGINT", 12345678901234567890),
    ],
)
def test_values_that_python_cannot_hold_are_shown_as_text(flights: Path, value: str, expected: object) -> None:
    called = call("-C", flights, "query", f"SELECT {value} AS x, 1 AS x", "--output", "json")
    assert json.loads(called.out) == [{"x": expected, "x_2": 1}]


@pytest.mark.parametrize("value", ["DATE 'infinity'", "[DATE '20000-01-01']", "MAP {ROW(1): 2}"])
def test_what_has_no_form_at_all_is_an_error_that_says_what_to_do(flights: Path, value: str) -> None:
    called = call("-C", flights, "query", f"SELECT {value} AS x", "--output", "json")
    assert called.code == 1
    assert json.loads(called.err)["error"]["hint"] == "show it as text: CAST(x AS VARCHAR)"


def test_options_may_stand_on_either_side(flights: Path) -> None:
    before = call("-C", flights, "--output", "json", "--no-color", "check")
    after = call("check", "-C", flights, "--output", "json", "--no-color")
    assert before == after
    assert main(["--output", "json", "check", "-C", str(flights), "--output", "text"]) == 0
