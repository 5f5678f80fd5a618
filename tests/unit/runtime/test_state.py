"""The state file: what is written is read, old files are upgraded, newer ones refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headwater.errors import TerminalError
from headwater.plan.steps import Recorded
from headwater.runtime.state import (
    CheckResult,
    EpochRecord,
    LedgerRow,
    OutboxEntry,
    StagedTable,
    StateStore,
    Watermark,
    journal,
    schema,
)
from headwater.spi import discovery
from headwater.spi.engine import Session
from headwater.spi.table import CommitId, Committable, PublishMode
from headwater.types import Counts, RelationName, Schema

ORDERS, SALES, OTHER = (RelationName("shop", text) for text in ("orders", "sales", "other"))
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SCHEMA = Schema.of({"b": "DECIMAL(10,2)", 'a"': "STRUCT(x INTEGER)[]"})

RECORD = EpochRecord(
    epoch=1,
    run="r1",
    kind="append",
    at=AT,
    positions={ORDERS: {"files": ["it's", 'a "name"'], "n": 3}},
    foreign={OTHER: 7},
    foreign_contents={OTHER: "r0 3"},
    foreign_identities={OTHER: "7 2026-01-02"},
    versions={SALES: "1", OTHER: "7"},
    inputs={SALES: {ORDERS: "x"}},
    recorded=(Recorded(SALES, "f", "o", SCHEMA, "SELECT 'é'", "m", "delta", {"key": "id"}),),
    outbox=(
        OutboxEntry("delta", Committable(CommitId(SALES, "f", 1), PublishMode.APPEND, 2, {"files": ["x", {"n": 1}]})),
        OutboxEntry("parquet", Committable(CommitId(ORDERS, "g", 1), PublishMode.REPLACE, 0, {})),
    ),
    ledger=(LedgerRow(ORDERS, Counts(5, 3, 1, 1), replaced=False),),
    checks=(CheckResult(SALES, "rows", 2, passed=True, severity="warning", description="rows: 2"),),
    released=("q1", "q2"),
    watermarks={
        ORDERS: Watermark(AT, AT - timedelta(minutes=10), ended=False, active_at=AT),
        OTHER: Watermark(ended=True),
    },
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with discovery.engine("duckdb").open(str(tmp_path / "state.duckdb"), {}) as opened:
        yield opened


@pytest.fixture
def engine_state(tmp_path: Path) -> str:
    return str(tmp_path / "state.duckdb")


def write(store: StateStore, session: Session, record: EpochRecord) -> None:
    session.begin()
    store.write(record)
    session.commit()


def test_what_is_written_is_read(session: Session) -> None:
    store = StateStore(session)
    write(store, session, RECORD)
    found = store.snapshot()
    assert (found.epoch, found.origin) == (1, "r1")
    assert found.contents == {SALES: "r1 1", OTHER: "r1 7"}
    assert found.positions == RECORD.positions
    assert (found.foreign, found.foreign_contents) == (RECORD.foreign, RECORD.foreign_contents)
    assert found.foreign_identities == RECORD.foreign_identities
    assert found.versions == RECORD.versions
    assert found.inputs == RECORD.inputs
    assert found.recorded == {SALES: RECORD.recorded[0]}
    assert found.outbox == RECORD.outbox
    assert [row["quarantine_id"] for row in store.rows("released", 0)] == ["q1", "q2"]
    assert found.watermarks == RECORD.watermarks
    (row,) = store.rows("ledger", 0)
    assert (row["read"], row["accepted"], row["late"], row["quarantined"], row["replaced"]) == (5, 3, 1, 1, False)
    (check,) = store.rows("checks", 0)
    assert (check["value"], check["passed"], check["severity"]) == ("2", True, "warning")


def test_next_epoch_replaces_outbox_and_keyed_rows(session: Session) -> None:
    store = StateStore(session)
    write(store, session, RECORD)
    following = EpochRecord(epoch=2, run="r2", kind="refresh", at=AT, positions={ORDERS: {"n": 9}}, removed=(SALES,))
    following = dataclasses.replace(following, watermarks={ORDERS: Watermark(AT, AT)}, removed=(SALES, OTHER))
    write(store, session, following)
    found = store.snapshot()
    assert found.watermarks == {ORDERS: Watermark(AT, AT)}
    assert found.outbox == ()
    assert found.positions == {ORDERS: {"n": 9}}
    assert found.recorded == {}
    assert SALES not in found.versions
    assert found.origin == "r1"
    assert [row["epoch"] for row in store.rows("epochs", 0)] == [1, 2]
    assert store.rows("ledger", 1) == []


def test_a_position_that_grows_is_stored_in_parts(session: Session) -> None:
    store = StateStore(session)
    files: list[str] = []
    for epoch in range(1, 31):
        files = [*files, f"f{epoch}"]
        position = {ORDERS: {"files": [*files], "n": epoch}}
        gained = {ORDERS: {"files": [f"f{epoch}"], "n": epoch}}
        write(store, session, EpochRecord(epoch, "r", "append", AT, positions=position, gained=gained))
        assert store.snapshot().positions == position
    assert session.fetch("SELECT sum(length(position)) < 800, count(*) FROM headwater.positions") == [(True, 30)]
    whole = EpochRecord(31, "r", "append", AT, positions={ORDERS: {"files": ["x"]}})
    write(store, session, whole)
    assert store.snapshot().positions == whole.positions
    write(store, session, EpochRecord(32, "r", "append", AT, removed=(ORDERS,), gained={ORDERS: {"files": ["y"]}}))
    assert store.snapshot().positions == {ORDERS: {"files": ["y"]}}


def test_abandoned_epoch_leaves_nothing(session: Session) -> None:
    store = StateStore(session)
    before = store.snapshot()
    session.begin()
    store.write(RECORD)
    session.rollback()
    assert store.snapshot() == before


def test_staging_is_announced_and_settled(session: Session) -> None:
    store = StateStore(session)
    write(store, session, RECORD)
    store.announce_staging([StagedTable(SALES, "delta")])
    assert store.snapshot().staging == (StagedTable(SALES, "delta"),)
    store.settle()
    found = store.snapshot()
    assert (found.staging, found.outbox) == ((), ())


def test_many_rows_in_one_epoch(session: Session) -> None:
    store = StateStore(session)
    names = [RelationName("shop", f"m{number}") for number in range(2000)]
    write(store, session, dataclasses.replace(RECORD, versions=dict.fromkeys(names, "1")))
    assert len(store.snapshot().versions) == 2000


def test_a_file_of_the_first_version_is_upgraded(session: Session) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "upgrades", schema.upgrades[:1])
        patch.setattr(schema, "newest_version", 1)
        StateStore(session)
    session.begin()
    session.execute("INSERT INTO headwater.foreign_positions VALUES ('shop.other', 7, '3', 1)")
    session.commit()
    found = StateStore(session).snapshot()
    assert (found.foreign, found.foreign_contents, found.foreign_identities) == ({OTHER: 7}, {OTHER: "3"}, {})
    write(StateStore(session), session, RECORD)
    assert StateStore(session).snapshot().foreign_identities == RECORD.foreign_identities


def test_newer_file_is_refused(session: Session) -> None:
    StateStore(session)
    session.begin()
    session.execute("UPDATE headwater.version SET number = 99")
    session.commit()
    with pytest.raises(TerminalError, match="has version 99") as raised:
        StateStore(session)
    assert raised.value.hint == "upgrade headwater"


def test_opening_again_changes_nothing(session: Session) -> None:
    write(StateStore(session), session, RECORD)
    assert StateStore(session).snapshot().recorded


def following(epoch: int, **changes: object) -> EpochRecord:
    """An epoch like the one before it, of which only its own numbers differ."""
    staged = Committable(CommitId(SALES, "f", epoch), PublishMode.APPEND, epoch, {"files": [f"f{epoch}"]})
    plain = dataclasses.replace(
        RECORD,
        epoch=epoch,
        recorded=(),
        released=(),
        positions={ORDERS: {"n": epoch}},
        foreign={OTHER: 7 + epoch},
        versions={SALES: str(epoch)},
        outbox=(OutboxEntry("delta", staged),),
        watermarks={ORDERS: Watermark(AT, AT - timedelta(minutes=epoch), ended=False, active_at=AT)},
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def journalled(session: Session) -> int:
    return int(session.fetch("SELECT count(*) FROM headwater.journal")[0][0])


def test_an_epoch_as_a_text_loses_nothing() -> None:
    record = following(2, gained={OTHER: {"n": 1}})
    empty = EpochRecord(2, "r1", "append", AT)
    told = {field.name for field in dataclasses.fields(EpochRecord)} - {"recorded", "removed", "released"}
    assert all(getattr(record, name) != getattr(empty, name) for name in told - {"epoch", "run", "kind", "at"})
    assert journal.is_journalled(record)
    assert journal.from_text(journal.to_text(record)) == record
    assert journal.from_text(journal.to_text(empty)) == empty


def test_a_text_tells_what_a_position_gained_and_not_all_of_it() -> None:
    """A position may name thousands of files, and each epoch adds one."""
    gained = {ORDERS: {"n": 1}}
    texts = {journal.to_text(following(2, positions={ORDERS: {"n": number}}, gained=gained)) for number in (1, 10**9)}
    assert len(texts) == 1
    assert journal.from_text(texts.pop()) == following(2, positions={}, gained=gained)


def test_epochs_in_the_journal_are_those_in_the_tables(session: Session, tmp_path: Path) -> None:
    store = StateStore(session)
    epochs = [RECORD, *(following(epoch) for epoch in range(2, 6))]
    for record in epochs:
        write(store, session, record)
    assert journalled(session) == 4
    found = store.snapshot()
    assert journalled(session) == 0
    with discovery.engine("duckdb").open(str(tmp_path / "other.duckdb"), {}) as other:
        for record in epochs:
            write(StateStore(other), other, record)
            assert journalled(other) == 0
        assert StateStore(other).snapshot() == found
        for name in ("epochs", "ledger", "checks", "positions", "versions", "watermarks", "foreign_positions"):
            assert StateStore(other).rows(name, 0) == store.rows(name, 0)
    assert found.outbox == epochs[-1].outbox
    assert (found.epoch, found.positions, found.versions) == (5, {ORDERS: {"n": 5}}, {SALES: "5", OTHER: "7"})


def test_a_journal_that_a_killed_run_left_is_read(engine_state: str) -> None:
    engine = discovery.engine("duckdb")
    with engine.open(engine_state, {}) as session:
        store = StateStore(session)
        for record in (RECORD, following(2), following(3)):
            write(store, session, record)
        assert journalled(session) == 2
    with engine.open(engine_state, {}) as session:
        found = StateStore(session).snapshot()
        assert (found.epoch, found.outbox) == (3, following(3).outbox)
        assert StateStore(session).epoch() == 3


def test_what_describes_relations_stands_behind_the_journal(session: Session) -> None:
    store = StateStore(session)
    for record in (RECORD, following(2), following(3, removed=(SALES, OTHER)), following(4)):
        write(store, session, record)
    assert store.snapshot().versions == {SALES: "4"}
    write(store, session, following(5, removed=(SALES,), recorded=RECORD.recorded))
    assert store.snapshot().recorded == {SALES: RECORD.recorded[0]}


def test_an_abandoned_epoch_leaves_the_journal(session: Session) -> None:
    store = StateStore(session)
    write(store, session, RECORD)
    write(store, session, following(2))
    for abandoned in (following(3), following(3, removed=(SALES,))):
        session.begin()
        store.write(abandoned)
        session.rollback()
    assert [row["epoch"] for row in store.rows("epochs", 0)] == [1, 2]
    assert store.outbox() == following(2).outbox


def test_a_long_journal_is_entered(session: Session) -> None:
    store = StateStore(session)
    write(store, session, RECORD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headwater.runtime.state.store.longest_journal", 3)
        for epoch in range(2, 9):
            write(store, session, following(epoch))
            assert journalled(session) <= 3
    assert [row["epoch"] for row in store.rows("ledger", 0)] == list(range(1, 9))
    store.settle()
    assert store.outbox() == ()
