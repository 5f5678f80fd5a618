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
