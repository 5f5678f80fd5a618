"""Whole runs in one process: what is published, what is reported, and what a failure leaves."""

from __future__ import annotations

import resource
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from headwater.errors import BudgetError, DataError, Location, TransientError, UsageError
from headwater.events import EpochFinished, EpochStarted, Event, Listener, SinkCommitted, StateCommitted
from headwater.formats.tables.parquet.table import ParquetTable
from headwater.plan.build import build_plan
from headwater.plan.steps import ProductPlan
from headwater.runtime import execution
from headwater.runtime.execution import open_product
from headwater.runtime.layout import Layout
from headwater.runtime.metadata import MetadataStore
from headwater.runtime.report import ProductReport, RunReport
from headwater.runtime.tables import Tables
from headwater.spec.contract import Budget, Contract, Property, QualityRule, Reference
from headwater.spec.declarations import Environment, Lake, Model, OutputKind, Source, Workspace
from headwater.spec.product import Product
from headwater.spi import discovery
from headwater.spi.table import Committable, MaintenancePolicy
from headwater.testing.crash import CrashBench
from headwater.types import Counts, RelationName, Schema

ORDERS = RelationName("shop", "orders")


class Shop:
    """A workspace whose declarations are changed as values."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = Environment("dev", lake=Lake(format="parquet"), settings={"threads": 2})
        self.contract: Contract | None = Contract(
            "orders",
            "1.0.0",
            "orders",
            "orders.odcs.yaml",
            properties=(
                Property("id", required=True, primary_key_position=1),
                Property("city", required=True),
                Property("amount"),
            ),
        )
        self.models: dict[str, str | tuple[str, OutputKind]] = {
            "shop.sales": "SELECT id, city, amount * 2 AS cents FROM orders",
            "shop.by_city": "SELECT city, sum(cents) AS cents FROM sales GROUP BY city",
            "report.large": "SELECT id, cents FROM shop.sales WHERE cents > 15",
        }
        self.sales_contract: Contract | None = None
        self.source_path, self.source_format = "data/*.csv", "csv"

    @property
    def layout(self) -> Layout:
        return Layout(self.root, self.environment)

    def write(self, name: str, *rows: str) -> None:
        path = self.root / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("id,city,amount\n" + "\n".join(rows) + "\n", encoding="utf-8")

    def workspace(self) -> Workspace:
        columns = Schema.of({"id": "BIGINT", "city": "VARCHAR", "amount": "INTEGER"})
        options = {"path": self.source_path, "format": self.source_format}
        models = {}
        for text, declared in self.models.items():
            query, output = declared if isinstance(declared, tuple) else (declared, None)
            name = RelationName.parse(text)
            contract = self.sales_contract if text == "shop.sales" else None
            models[name] = Model(
                name, query, f"{text}.sql", output=output, contract=contract, where=Location(f"{text}.sql", 1)
            )
        contracts = [contract for contract in (self.contract, self.sales_contract) if contract]
        return Workspace(
            name="shop",
            root=str(self.root),
            environments={"dev": self.environment},
            default_environment="dev",
            connections={},
            products={name: Product(name, name) for name in ("shop", "report", "apart")},
            sources={ORDERS: Source(ORDERS, "files", options, schema=columns, contract=self.contract)},
            models=models,
            contracts={contract.id: contract for contract in contracts},
        )

    def run(self, listener: Listener | None = None, *, max_epoch_bytes: int = 1 << 20) -> RunReport:
        with MetadataStore.open(self.layout.metadata) as store:
            recorded = store.recorded("dev")
        binder = discovery.engine("duckdb").bind
        plan = build_plan(self.workspace(), self.environment, recorded=recorded, discovered={}, binder=binder)
        listeners = [listener] if listener else []
        return execution.run(
            plan, self.layout, listeners=listeners, max_epoch_bytes=max_epoch_bytes, sleep=lambda _: None
        )

    def rows(self, text: str, columns: str = "*", *, kind: OutputKind = "parquet") -> list[tuple[object, ...]]:
        table = Tables(self.layout).open(RelationName.parse(text), kind)
        with discovery.engine("duckdb").query({}) as session:
            session.begin()
            session.view('"rows"', table.scan())
            return sorted(session.fetch(f'SELECT {columns} FROM "rows"'), key=str)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.write("a.csv", "1,Oslo,10", "2,Rome,x", "3,,5", "1,Oslo,11", "4,Bonn,7")
    return made


def done(report: RunReport) -> RunReport:
    for error in report.failures:
        raise error
    assert report.balanced
    return report


def by_name(report: RunReport) -> dict[str, ProductReport]:
    return {product.product: product for product in report.products}


def counts(report: RunReport) -> dict[str, Counts]:
    return {str(port.relation): port.counts for product in report.products for port in product.relations}


def test_first_run_publishes_and_counts(shop: Shop) -> None:
    report = done(shop.run())
    assert counts(report)["shop.orders"] == Counts(read=5, accepted=2, quarantined=3)
    assert shop.rows("shop.sales") == [(1, "Oslo", 20), (4, "Bonn", 14)]
    assert shop.rows("report.large") == [(1, 20)]
    refused = shop.rows("shop.orders__quarantine", 'codes, source, "offset"')
    assert refused == [
        (["required:city"], "data/a.csv", 3),
        (["type"], "data/a.csv", 2),
        (["unique:id"], "data/a.csv", 4),
    ]
    assert by_name(report)["shop"].epochs == 1


def test_second_run_reads_only_what_is_new(shop: Shop) -> None:
    done(shop.run())
    shop.write("b.csv", "5,Oslo,20", "4,Bonn,1")
    report = done(shop.run())
    found = counts(report)
    assert found["shop.orders"] == Counts(read=2, accepted=1, quarantined=1)
    assert found["shop.sales"] == Counts(read=1, accepted=1)
    assert found["report.large"] == Counts(read=1, accepted=1)
    assert shop.rows("shop.by_city") == [("Bonn", 14), ("Oslo", 60)]
    again = done(shop.run())
    assert [product.status for product in again.products] == ["unchanged"] * 2
    assert counts(again) == {}


def test_epochs_do_not_change_the_result(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Shop(tmp_path_factory.mktemp("whole"))
    for number in range(6):
        lines = [f"{number * 3 + row},Rome,{row}" for row in range(4)]
        shop.write(f"c{number}.csv", *lines)
        other.write(f"c{number}.csv", *lines)
    other.write("a.csv", "1,Oslo,10", "2,Rome,x", "3,,5", "1,Oslo,11", "4,Bonn,7")
    small, large = done(shop.run(max_epoch_bytes=1)), done(other.run())
    assert by_name(small)["shop"].epochs == 7
    assert by_name(large)["shop"].epochs == 1
    for name in ("shop.sales", "shop.by_city", "report.large"):
        assert shop.rows(name) == other.rows(name)
    assert counts(small)["shop.orders"] == counts(large)["shop.orders"]


def test_changed_query_rebuilds_from_history(shop: Shop) -> None:
    done(shop.run())
    shop.write("b.csv", "5,Oslo,20")
    shop.models["shop.sales"] = "SELECT id, city, amount * 10 AS cents FROM orders"
    report = done(shop.run())
    assert shop.rows("shop.sales") == [(1, "Oslo", 100), (4, "Bonn", 70), (5, "Oslo", 200)]
    assert shop.rows("report.large") == [(1, 100), (4, 70), (5, 200)]
    assert len(shop.rows("shop.orders__quarantine")) == 3
    rebuilt = {str(port.relation) for product in report.products for port in product.relations if port.rebuilt}
    assert rebuilt == {"shop.sales", "shop.by_city", "report.large"}


def test_new_model_sees_old_rows(shop: Shop) -> None:
    done(shop.run())
    shop.models["shop.names"] = "SELECT upper(city) AS city FROM orders"
    shop.models["shop.letters"] = ("SELECT city, city[1] AS letter FROM names", "view")
    shop.models["shop.per_letter"] = "SELECT letter, count(*) AS n FROM letters GROUP BY letter"
    done(shop.run())
    assert shop.rows("shop.names") == [("BONN",), ("OSLO",)]
    assert shop.rows("shop.per_letter") == [("B", 1), ("O", 1)]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("shop.sales", "SELECT id, city, CAST(city AS INTEGER) AS cents FROM orders"),
        ("shop.by_city", "SELECT max(CAST(city AS INTEGER)) AS cents FROM sales"),
    ],
)
def test_failure_on_the_data_names_its_model(shop: Shop, name: str, query: str) -> None:
    shop.models = {"shop.sales": "SELECT id, city FROM orders", "shop.names": "SELECT city FROM orders"}
    shop.models[name] = query
    (error,) = shop.run().failures
    assert error.exit_code == 1
    assert error.message == f"{name}: writing the rows failed on the data"
    assert error.where == Location(f"{name}.sql", 1)


def test_changed_contract_judges_everything_again(shop: Shop) -> None:
    done(shop.run())
    assert shop.contract is not None
    relaxed = (Property("id", required=True), Property("city"), Property("amount"))
    shop.contract = replace(shop.contract, version="1.1.0", properties=relaxed)
    report = done(shop.run())
    assert counts(report)["shop.orders"] == Counts(read=5, accepted=4, quarantined=1)
    assert shop.rows("shop.orders__quarantine", "codes, contract_version") == [(["type"], "1.1.0")]
    assert len(shop.rows("shop.sales")) == 4


def test_source_that_starts_anew_without_rows_has_an_empty_quarantine(shop: Shop) -> None:
    done(shop.run())
    (shop.root / "data" / "a.csv").unlink()
    (shop.root / "data" / "b.csv").write_text("id,city,amount\n", encoding="utf-8")
    shop.source_path = "data/b*.csv"
    done(shop.run())
    assert shop.rows("shop.orders__quarantine") == []
    assert shop.rows("shop.sales") == []


def test_parquet_values_that_do_not_fit_are_refused_though_nobody_lands_them(shop: Shop) -> None:
    shop.contract = None
    shop.source_path, shop.source_format = "data/*.parquet", "parquet"
    (shop.root / "data").mkdir(exist_ok=True)
    for number in range(3):
        amounts = [str(number), "many"]
        rows = pyarrow.table({"id": [number, 9], "city": ["Oslo", "Rome"], "amount": amounts})
        pyarrow.parquet.write_table(rows, shop.root / "data" / f"p{number}.parquet")
    shop.models = {"shop.total": "SELECT count(*) AS n, sum(amount) AS amount FROM orders"}
    report = done(shop.run(max_epoch_bytes=1))
    assert by_name(report)["shop"].epochs == 3
    assert counts(report)["shop.orders"] == Counts(read=6, accepted=3, quarantined=3)
    assert shop.rows("shop.total") == [(3, 3)]
    assert len(shop.rows("shop.orders__quarantine")) == 3


def test_reference_to_a_recomputed_model_of_the_same_product(shop: Shop) -> None:
    shop.models["shop.cities"] = "SELECT city FROM orders WHERE amount > 8 GROUP BY city"
    columns = tuple(map(Property, ("id", "city", "cents")))
    refers = (Reference(("city",), "shop.cities", ("city",)),)
    shop.sales_contract = Contract("sales", "1", "sales", "s.yaml", properties=columns, references=refers)
    assert counts(done(shop.run()))["shop.sales"] == Counts(read=2, accepted=1, quarantined=1)
    shop.write("b.csv", "5,Bonn,20", "6,Rome,1")
    done(shop.run())
    assert shop.rows("shop.sales") == [(1, "Oslo", 20), (4, "Bonn", 14), (5, "Bonn", 40)]
    assert len(shop.rows("shop.sales__quarantine")) == 1


@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_changed_output_moves_the_model_to_another_format(shop: Shop, kind: OutputKind) -> None:
    done(shop.run())
    shop.models["shop.sales"] = ("SELECT id, city, amount * 2 AS cents FROM orders", kind)
    done(shop.run())
    assert shop.rows("shop.sales", kind=kind) == [(1, "Oslo", 20), (4, "Bonn", 14)]
    shop.write("b.csv", "5,Oslo,20")
    done(shop.run())
    assert shop.rows("shop.sales", kind=kind) == [(1, "Oslo", 20), (4, "Bonn", 14), (5, "Oslo", 40)]
    assert shop.rows("report.large") == [(1, 20), (5, 40)]


def test_copied_workspace_does_not_touch_the_iceberg_tables_of_the_first(shop: Shop, tmp_path: Path) -> None:
    shop.models = {"shop.sales": ("SELECT id, city FROM orders", "iceberg")}
    done(shop.run())
    other = Shop(tmp_path / "copy")
    shutil.copytree(shop.root, other.root, ignore=shutil.ignore_patterns("copy"))
    other.models = shop.models
    other.write("b.csv", "5,Oslo,20")
    (error,) = other.run().failures
    assert error.message == "the Iceberg catalog has shop.sales in another lake"
    assert shop.rows("shop.sales", kind="iceberg") == [(1, "Oslo"), (4, "Bonn")]


def test_removed_model_is_forgotten_and_its_table_stays(shop: Shop) -> None:
    done(shop.run())
    del shop.models["shop.by_city"]
    done(shop.run())
    with MetadataStore.open(shop.layout.metadata) as store:
        assert RelationName("shop", "by_city") not in store.recorded("dev")
    assert shop.rows("shop.by_city")


def test_spent_budget_publishes_nothing_and_moves_nothing(shop: Shop) -> None:
    assert shop.contract is not None
    shop.models["apart.one"] = "SELECT 1 AS one"
    shop.contract = replace(shop.contract, budget=Budget(rows=2))
    report = shop.run()
    products = by_name(report)
    assert [products[name].status for name in ("shop", "report", "apart")] == ["failed", "skipped", "done"]
    (error,) = report.failures
    assert isinstance(error, BudgetError)
    assert str(error) == (
        "shop.orders is not published: 3 of 5 rows were refused, the budget is 2 rows\n"
        "  reasons: required:city (1), type (1), unique:id (1)\n"
        "  hint: mend the rows or raise the budget in contract orders; nothing was changed"
    )
    assert report.exit_code == 1
    tables = Tables(shop.layout)
    assert not tables.open(RelationName("shop", "sales"), "parquet").exists()
    assert not tables.open(RelationName("shop", "orders__quarantine"), "parquet").exists()
    shop.contract = replace(shop.contract, budget=Budget(rows=3))
    assert counts(done(shop.run()))["shop.orders"].read == 5


def test_failed_check_keeps_the_last_version(shop: Shop) -> None:
    done(shop.run())
    rule = QualityRule("library", metric="rowCount", operator="mustBeLessThan", threshold=3, severity="error")
    columns = tuple(map(Property, ("id", "city", "cents")))
    shop.sales_contract = Contract("sales", "1.0.0", "sales", "sales.odcs.yaml", properties=columns, rules=(rule,))
    done(shop.run())
    shop.write("b.csv", "5,Oslo,20")
    report = shop.run()
    assert isinstance(report.failures[0], DataError)
    assert shop.rows("shop.sales") == [(1, "Oslo", 20), (4, "Bonn", 14)]
    assert len(shop.rows("shop.orders__quarantine")) == 3


def test_lost_state_costs_time_and_no_row(shop: Shop) -> None:
    done(shop.run())
    before = {name: shop.rows(name) for name in ("shop.sales", "shop.by_city", "report.large")}
    shop.layout.state("shop").unlink()
    done(shop.run())
    assert {name: shop.rows(name) for name in before} == before
    shop.write("b.csv", "5,Oslo,20")
    done(shop.run())
    assert shop.rows("shop.sales") == [(1, "Oslo", 20), (4, "Bonn", 14), (5, "Oslo", 40)]


def test_lost_metadata_is_filled_again(shop: Shop) -> None:
    done(shop.run())
    with MetadataStore.open(shop.layout.metadata) as store:
        before = store.recorded("dev"), store.status("dev")
    for path in shop.layout.folder.glob("metadata.db*"):
        path.unlink()
    done(shop.run())
    with MetadataStore.open(shop.layout.metadata) as store:
        assert (store.recorded("dev"), store.status("dev")) == before


def test_compaction_of_a_port_is_no_news(shop: Shop) -> None:
    done(shop.run())
    shop.write("b.csv", "5,Oslo,20")
    done(shop.run())
    table = Tables(shop.layout).open(RelationName("shop", "sales"), "parquet")
    table.maintain(MaintenancePolicy(), now=datetime.now(UTC))
    assert counts(done(shop.run())) == {}


class Stopped(KeyboardInterrupt):
    pass


@pytest.mark.parametrize("at", [EpochStarted, StateCommitted, SinkCommitted])
def test_interrupt_is_recoverable(shop: Shop, at: type[Event]) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, at):
            raise Stopped

    with pytest.raises(Stopped):
        shop.run(stop)
    with MetadataStore.open(shop.layout.metadata) as store:
        assert [run.status for run in store.runs()] == ["interrupted"]
    report = shop.run()
    done(report)
    assert (by_name(report)["shop"].recovered == 1) is (at is not EpochStarted)
    assert shop.rows("shop.sales") == [(1, "Oslo", 20), (4, "Bonn", 14)]


def test_listener_that_raises_stops_the_run(shop: Shop) -> None:
    def fail(event: Event) -> None:
        if isinstance(event, StateCommitted):
            raise ValueError("a listener's own mistake")

    with pytest.raises(ValueError, match="own mistake"):
        shop.run(fail)
    assert by_name(done(shop.run()))["shop"].recovered == 1
    assert len(shop.rows("shop.sales")) == 2


def test_unknown_product_is_refused(shop: Shop) -> None:
    binder = discovery.engine("duckdb").bind
    plan = build_plan(shop.workspace(), shop.environment, recorded={}, discovered={}, binder=binder)
    with pytest.raises(UsageError, match="no product 'shp'") as raised:
        execution.run(plan, shop.layout, products=["shp"])
    assert raised.value.hint == "did you mean 'shop'?"
    assert not shop.layout.folder.exists()


@pytest.mark.parametrize(("failures", "published"), [(4, True), (5, False)])
def test_sink_that_fails_for_a_while(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, failures: int, *, published: bool
) -> None:
    commit, left = ParquetTable.commit, [failures]

    def fail_first(table: ParquetTable, committable: Committable) -> bool:
        if left[0]:
            left[0] -= 1
            raise TransientError("the storage is busy")
        return commit(table, committable)

    monkeypatch.setattr(ParquetTable, "commit", fail_first)
    report = shop.run()
    assert report.exit_code == (0 if published else 3)
    assert [product.status for product in report.products] == (["done", "done"] if published else ["failed", "skipped"])
    again = done(shop.run())
    assert by_name(again)["shop"].recovered == (None if published else 1)
    assert shop.rows("shop.sales") == [(1, "Oslo", 20), (4, "Bonn", 14)]
    assert shop.rows("report.large") == [(1, 20)]


def failing_in(epoch: int) -> Callable[[ParquetTable, Committable], bool]:
    """A commit that fails for good in one epoch."""
    commit = ParquetTable.commit

    def fail(table: ParquetTable, committable: Committable) -> bool:
        if committable.id.epoch == epoch:
            raise TransientError("the disk is away")
        return commit(table, committable)

    return fail


def test_sink_that_fails_beside_the_next_epoch(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2, 5):
        shop.write(f"b{number}.csv", f"{number}0,Oslo,20")
    with monkeypatch.context() as patched:
        patched.setattr(ParquetTable, "commit", failing_in(3))
        report = shop.run(max_epoch_bytes=1)
    assert "the disk is away" in str(report.failures[0])
    assert by_name(report)["shop"].epochs == 3
    assert shop.rows("shop.sales", "id") == [(1,), (20,), (4,)]
    again = done(shop.run(max_epoch_bytes=1))
    assert by_name(again)["shop"].recovered == 3
    assert shop.rows("shop.sales", "id") == [(1,), (20,), (30,), (4,), (40,)]


def test_sink_and_the_next_epoch_fail(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write("b2.csv", "20,Oslo,20")
    shop.write("b3.csv", "30,Oslo,2000000000")
    shop.models["shop.sales"] = "SELECT id, city, CAST(amount * 2 AS INTEGER) AS cents FROM orders"
    with monkeypatch.context() as patched:
        patched.setattr(ParquetTable, "commit", failing_in(2))
        (error,) = shop.run(max_epoch_bytes=1).failures
    assert isinstance(error, TransientError), "what could not be published comes first"
    assert isinstance(error.__cause__, DataError)
    (error,) = shop.run(max_epoch_bytes=1).failures
    assert isinstance(error, DataError)
    assert shop.rows("shop.sales", "id") == [(1,), (20,), (4,)]


def test_epoch_that_fails_beside_the_commit_of_the_one_before(shop: Shop) -> None:
    for number in range(2, 4):
        shop.write(f"b{number}.csv", f"{number}0,Oslo,20")
    shop.write("b4.csv", "40,Oslo,2000000000")
    shop.models["shop.sales"] = "SELECT id, city, CAST(amount * 2 AS INTEGER) AS cents FROM orders"
    told: list[Event] = []
    report = shop.run(told.append, max_epoch_bytes=1)
    assert isinstance(report.failures[0], DataError)
    assert by_name(report)["shop"].epochs == 3
    assert [event.epoch for event in told if isinstance(event, EpochFinished)] == [1, 2, 3]
    assert shop.rows("shop.sales", "id") == [(1,), (20,), (30,), (4,)]
    shop.write("b4.csv", "40,Oslo,2")
    done(shop.run())
    assert shop.rows("shop.sales", "id") == [(1,), (20,), (30,), (4,), (40,)]


def test_second_writer_is_refused(shop: Shop) -> None:
    done(shop.run())
    product = planned_shop(shop)
    with (
        open_product(
            shop.layout,
            product,
            run_id="held",
            tables=Tables(shop.layout),
            tell=lambda _: None,
            clock=lambda: datetime.now(UTC),
            sleep=lambda _: None,
        ),
        CrashBench(f"{__file__}:run_elsewhere") as bench,
    ):
        outcome = bench.run(str(shop.root))
    assert outcome.answer == ["UsageError", 2]


def run_elsewhere(root: str, listener: Listener) -> object:
    """A run in another process."""
    report = Shop(Path(root)).run(listener)
    return [type(report.failures[0]).__name__, report.exit_code]


def planned_shop(shop: Shop) -> ProductPlan:
    binder = discovery.engine("duckdb").bind
    plan = build_plan(shop.workspace(), shop.environment, recorded={}, discovered={}, binder=binder)
    return next(product for product in plan.products if product.product == "shop")


def run_on_a_full_disk(root: str, listener: Listener) -> object:
    """A run in a process whose files cannot grow beyond 300 kB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    report = Shop(Path(root)).run(listener)
    return [report.exit_code, *map(str, report.failures)]


def test_full_disk_is_a_clear_error_and_loses_nothing(shop: Shop) -> None:
    done(shop.run())
    shop.write("b.csv", *(f"{number},City {number * 7919 % 99991},{number}" for number in range(10, 60_000)))
    with CrashBench(f"{__file__}:run_on_a_full_disk") as bench:
        outcome = bench.run(str(shop.root))
    assert outcome.error is None
    code, message = outcome.answer
    assert code == 3
    assert "File too large" in message
    assert "defect" not in message
    assert shop.rows("shop.sales") == [(1, "Oslo", 20), (4, "Bonn", 14)]
    found = counts(done(shop.run()))
    assert found["shop.orders"] == Counts(read=59_990, accepted=59_990)
    assert len(shop.rows("shop.sales")) == 59_992
