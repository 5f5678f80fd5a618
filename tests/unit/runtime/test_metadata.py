"""The metadata store on SQLite and PostgreSQL: derived, repeatable, migrated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

import headwater.runtime.metadata
from headwater.errors import MissingExtraError, TerminalError, TransientError, UsageError
from headwater.plan.steps import Difference, Plan, Recorded
from headwater.runtime.metadata import MetadataStore
from headwater.runtime.metadata.opening import NEWEST, VERSION_TABLE, connect, upgrade
from headwater.runtime.metadata.tables import metadata
from headwater.runtime.report import ProductReport, RunReport
from headwater.runtime.state import CheckResult, EpochRecord, LedgerRow, StateStore, Watermark
from headwater.spec.declarations import Environment
from headwater.spi import discovery
from headwater.spi.engine import Session
from headwater.types import Counts, RelationName

from .plans import SCHEMA, product

SALES, ORDERS = RelationName("p", "sales"), RelationName("p", "orders")
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
PLAN = Plan(Environment("dev"), (product(),), (Difference(SALES, "added", "it is new", rebuild=False),))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'deep' / 'metadata.db'}"
        return
    server: str = request.getfixturevalue("postgres")
    yield server
    engine = connect(server)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.execute(text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))
    engine.dispose()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with discovery.engine("duckdb").open(str(tmp_path / "state.duckdb"), {}) as opened:
        yield opened


def recorded(fingerprint: str) -> Recorded:
    return Recorded(SALES, fingerprint, fingerprint, SCHEMA, "SELECT", "m", "delta", {"key": "id"})


def epoch(number: int, run: str, counts: Counts, *, replaced: bool = False, passed: bool = True) -> EpochRecord:
    return EpochRecord(
        epoch=number,
        run=run,
        kind="append",
        at=AT + timedelta(minutes=number),
        recorded=(recorded(f"f{number}"),),
        ledger=(LedgerRow(SALES, counts, replaced=replaced),),
        checks=(CheckResult(SALES, "rows", 2, passed=passed, severity="warning", description="rows: 2"),),
    )


def write(session: Session, record: EpochRecord) -> StateStore:
    store = StateStore(session)
    session.begin()
    store.write(record)
    session.commit()
    return store


def test_a_run_from_start_to_end(url: str, session: Session) -> None:
    with MetadataStore.open(url) as store:
        store.start_run("r1", PLAN, ("p",), AT)
        store.start_product("r1", "dev", "p")
        store.absorb("dev", "p", write(session, epoch(1, "r1", Counts(5, 3, 0, 2))))
        report = ProductReport("p", "failed", 1, error=TerminalError("the disk is full", hint="make room"))
        store.finish_product("r1", report, AT)
        store.finish_run(RunReport("r1", "dev", AT, AT + timedelta(seconds=2), (report,)))
        found = store.run("r1")
        assert found is not None
        assert (found.status, found.started_at, found.finished_at) == ("failed", AT, AT + timedelta(seconds=2))
        assert found.counts == Counts(5, 3, 0, 2)
        assert [(p.product, p.status, p.epochs, p.error) for p in found.products] == [
            ("p", "failed", 1, "the disk is full\n  hint: make room")
        ]
        assert [(c.relation, c.change, c.reason) for c in found.changes] == [(SALES, "added", "it is new")]
        assert [(c.code, c.value, c.passed) for c in found.checks] == [("rows", "2", True)]
        assert [(entry.epoch, entry.counts) for entry in found.ledger] == [(1, Counts(5, 3, 0, 2))]
        assert store.recorded("dev") == {SALES: recorded("f1")}
        assert store.recorded("other") == {}
        assert store.run("r2") is None


def test_watermarks_are_told_as_their_own_product_knows_them(url: str, session: Session) -> None:
    own, other = Watermark(AT, AT - timedelta(minutes=10), active_at=AT), Watermark(ended=True)
    foreign = RelationName("o", "x")
    with MetadataStore.open(url) as store:
        first = dataclasses.replace(epoch(1, "r1", Counts(5, 3, 1, 1)), watermarks={SALES: own, foreign: other})
        store.absorb("dev", "p", write(session, first))
        assert store.watermarks("dev") == {SALES: own}
        assert store.watermarks("other") == {}
        (port,) = store.status("dev")
        assert (port.watermark, port.counts.late) == (own, 1)
        ended = dataclasses.replace(own, ended=True)
        second = dataclasses.replace(epoch(2, "r2", Counts()), watermarks={SALES: ended})
        store.absorb("dev", "p", write(session, second))
        assert store.watermarks("dev") == {SALES: ended}
        store.absorb("dev", "p", write(session, dataclasses.replace(epoch(3, "r3", Counts()), removed=(SALES,))))
        assert store.watermarks("dev") == {}


def test_absorbing_again_changes_nothing(url: str, session: Session) -> None:
    with MetadataStore.open(url) as store:
        state = write(session, epoch(1, "r1", Counts(5, 3, 0, 2)))
        store.absorb("dev", "p", state)
        before = store.status("dev")
        store.absorb("dev", "p", state)
        assert store.status("dev") == before


def test_lost_store_is_filled_from_the_state(tmp_path: Path, session: Session) -> None:
    write(session, epoch(1, "r1", Counts(5, 3, 0, 2)))
    state = write(session, epoch(2, "r2", Counts(1, 1, 0, 0)))
    kept = []
    for name in ("a.db", "b.db"):
        with MetadataStore.open(f"sqlite:///{tmp_path / name}") as store:
            store.absorb("dev", "p", state)
            kept.append((store.status("dev"), store.recorded("dev")))
    assert kept[0] == kept[1]
    assert kept[0][0][0].counts == Counts(6, 4, 0, 2)


def test_another_state_takes_the_place_of_the_old_one(url: str, session: Session, tmp_path: Path) -> None:
    with MetadataStore.open(url) as store:
        write(session, epoch(1, "r1", Counts(5, 5)))
        store.absorb("dev", "p", write(session, epoch(2, "r2", Counts(7, 7))))
        with discovery.engine("duckdb").open(str(tmp_path / "new.duckdb"), {}) as fresh:
            store.absorb("dev", "p", write(fresh, epoch(1, "r3", Counts(1, 1))))
        (port,) = store.status("dev")
        assert (port.counts, port.epoch, port.run) == (Counts(1, 1), 1, "r3")


def test_status_counts_from_the_last_replacement(url: str, session: Session) -> None:
    with MetadataStore.open(url) as store:
        write(session, epoch(1, "r1", Counts(5, 5)))
        write(session, epoch(2, "r2", Counts(8, 7, 0, 1), replaced=True))
        state = write(session, epoch(3, "r3", Counts(2, 2), passed=False))
        store.absorb("dev", "p", state)
        (port,) = store.status("dev")
        assert port.counts == Counts(10, 9, 0, 1)
        assert (port.relation, port.output, port.epoch, port.failed_checks) == (SALES, "delta", 3, 1)
        assert port.changed_at == AT + timedelta(minutes=3)


def test_forgotten_relations_and_products(url: str, session: Session) -> None:
    with MetadataStore.open(url) as store:
        store.absorb("dev", "p", write(session, epoch(1, "r1", Counts())))
        gone = dataclasses.replace(epoch(2, "r2", Counts()), recorded=(), removed=(SALES,), ledger=(), checks=())
        store.absorb("dev", "p", write(session, gone))
        assert store.recorded("dev") == {}
        store.absorb("dev", "p", write(session, epoch(3, "r3", Counts())))
        assert set(store.recorded("dev")) == {SALES}
        store.start_run("r4", dataclasses.replace(PLAN, products=()), (), AT)
        assert store.recorded("dev") == {}


def test_dead_runs_are_found_by_who_holds_the_state(url: str) -> None:
    with MetadataStore.open(url) as store:
        store.start_run("r1", PLAN, ("p",), AT)
        store.start_product("r1", "dev", "p")
        store.start_run("r2", PLAN, ("p",), AT + timedelta(seconds=1))
        assert [run.status for run in store.runs()] == ["running", "running"]
        store.start_product("r2", "dev", "p")
        assert [(run.run, run.status) for run in store.runs()] == [("r2", "running"), ("r1", "interrupted")]
        store.interrupt_run("r2", AT)
        assert [run.status for run in store.runs(1)] == ["interrupted"]
        assert store.runs(environment="prod") == ()


def test_newer_store_is_refused(url: str) -> None:
    with MetadataStore.open(url):
        pass
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(TerminalError, match="has version 9999"), MetadataStore.open(url):
        pass


def test_migrations_make_the_tables_that_the_queries_use(url: str) -> None:
    engine: Engine = connect(url)
    with engine.begin() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == NEWEST
    engine.dispose()


def test_new_store_is_one_that_alembic_would_go_on_from(url: str) -> None:
    with MetadataStore.open(url):
        pass
    engine = connect(url)
    with engine.begin() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert context.get_current_revision() == NEWEST
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_older_store_is_upgraded(url: str) -> None:
    engine: Engine = connect(url)
    with engine.begin() as connection:
        upgrade(connection, "0001")
    engine.dispose()
    with MetadataStore.open(url) as store:
        assert store.runs() == ()
        assert store.recorded("dev") == {}


def test_newest_is_the_newest_migration() -> None:
    folder = Path(headwater.runtime.metadata.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == NEWEST


@pytest.mark.parametrize(("wrong", "message"), [("nonsense", "cannot be read"), ("mysql://h/d", "'mysql'")])
def test_unusable_urls(wrong: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        connect(wrong)


def test_unreachable_server_may_be_tried_again(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    unreachable = f"postgresql://nobody@/db?host={tmp_path}"
    with pytest.raises(TransientError, match="cannot be reached"), MetadataStore.open(unreachable):
        pass


def test_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingExtraError) as raised:
        connect("postgresql://h/d")
    assert raised.value.extra == "postgres"
