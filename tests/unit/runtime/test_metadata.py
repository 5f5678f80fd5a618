"""The metadata store on SQLite and PostgreSQL: derived, repeatable, migrated."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from headwater.errors import MissingExtraError, TerminalError, TransientError, UsageError
from headwater.plan.steps import Difference, Plan, Recorded
from headwater.runtime.metadata import MetadataStore, tables
from headwater.runtime.metadata.database import Database, to_moment
from headwater.runtime.metadata.migrations import MIGRATIONS, NEWEST, VERSION_TABLE
from headwater.runtime.metadata.opening import connect, migrate
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
    with changing(server) as database, database.writing() as connection:
        for name in (*(table.name for table in tables.ALL), VERSION_TABLE):
            connection.execute(f"DROP TABLE IF EXISTS {name}")


@contextlib.contextmanager
def changing(url: str) -> Iterator[Database]:
    """The database as it is, for what no store does."""
    database = connect(url)
    yield database
    database.close()


def columns(database: Database, table: str) -> list[str]:
    """The columns of a table in their order."""
    query = f"SELECT filled.* FROM (SELECT 1 AS one) AS base LEFT JOIN {table} AS filled ON true"
    with database.reading() as connection:
        return [*connection.rows(query)[0]]


def version(database: Database) -> list[str]:
    with database.reading() as connection:
        return [row["version_num"] for row in connection.rows(f"SELECT version_num FROM {VERSION_TABLE}")]


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
    with changing(url) as database, database.writing() as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(TerminalError, match="has version 9999"), MetadataStore.open(url):
        pass


def test_statements_write_the_tables_that_migrations_make(url: str) -> None:
    with MetadataStore.open(url):
        pass
    with changing(url) as database:
        assert {table.name: [*table.columns] for table in tables.ALL} == {
            table.name: columns(database, table.name) for table in tables.ALL
        }
        assert version(database) == [NEWEST]


@pytest.mark.parametrize("older", [step for step in MIGRATIONS if step != NEWEST])
def test_older_store_is_upgraded_and_keeps_its_rows(url: str, older: str) -> None:
    with changing(url) as database:
        migrate(database, older)
        assert version(database) == [older]
        with database.writing() as connection:
            connection.execute(
                tables.runs.insertion,
                {"run": "r1", "environment": "dev", "status": "done", "started_at": AT, "finished_at": None},
            )
    with MetadataStore.open(url) as store:
        assert [run.run for run in store.runs()] == ["r1"]
        assert store.watermarks("dev") == {}
    with changing(url) as database:
        assert version(database) == [NEWEST]


def test_upgrade_that_fails_leaves_the_store_as_it_was(url: str) -> None:
    with changing(url) as database:
        migrate(database, "0002")
        with database.writing() as connection:
            connection.execute("CREATE TABLE headwater_watermarks (in_the_way INTEGER)")
        with pytest.raises((TerminalError, TransientError)):
            migrate(database)
        assert version(database) == ["0002"]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-7))], ids=str)
def test_moments_are_kept_to_the_microsecond_whatever_their_zone(url: str, zone: timezone) -> None:
    with MetadataStore.open(url) as store:
        store.start_run("r1", PLAN, ("p",), AT.astimezone(zone))
        (found,) = store.runs()
    assert (found.started_at, found.started_at.tzinfo) == (AT, UTC)


def test_moments_that_an_aware_database_tells_are_taken_to_utc() -> None:
    assert to_moment(AT.astimezone(timezone(timedelta(hours=3)))).tzinfo is UTC


def test_failed_write_leaves_nothing(url: str) -> None:
    with MetadataStore.open(url) as store:
        store.start_run("r1", PLAN, ("p",), AT)
        twice = dataclasses.replace(PLAN, differences=PLAN.differences * 2)
        with pytest.raises(TerminalError, match="cannot be used"):
            store.start_run("r2", twice, ("p",), AT)
        assert [run.run for run in store.runs()] == ["r1"]


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    with MetadataStore.open(url) as first, MetadataStore.open(url) as second:
        first.start_run("r1", PLAN, ("p",), AT)
        second.start_run("r2", PLAN, ("p",), AT + timedelta(seconds=1))
        assert [run.run for run in first.runs()] == ["r2", "r1"]


def test_path_of_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "100% of #1?" / "metadata.db"
    with MetadataStore.open(f"sqlite:///{file}") as store:
        assert store.runs() == ()
    assert file.is_file()


def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "metadata.db"
    file.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(TerminalError, match="cannot be used"), MetadataStore.open(f"sqlite:///{file}"):
        pass


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("nonsense", "cannot be read"),
        ("mysql://h/d", "'mysql'"),
        ("sqlite://", "cannot be read"),
        ("postgresql://h/d?sslmod=x", "cannot be read"),
    ],
)
def test_unusable_urls(wrong: str, message: str) -> None:
    with pytest.raises(UsageError, match=message), MetadataStore.open(wrong):
        pass


def test_unreachable_server_may_be_tried_again(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    unreachable = f"postgresql://nobody@/db?host={tmp_path}"
    with pytest.raises(TransientError, match="cannot be reached"), MetadataStore.open(unreachable):
        pass


def test_server_that_hung_up_is_connected_to_again(postgres: str) -> None:
    with changing(postgres) as other, changing(postgres) as database:
        with other.writing() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        with database.reading() as connection:
            assert connection.rows("SELECT 1 AS found") == [{"found": 1}]


def test_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "headwater.runtime.metadata.postgres", raising=False)
    with pytest.raises(MissingExtraError) as raised, MetadataStore.open("postgresql://h/d"):
        pass
    assert raised.value.extra == "postgres"
