"""Which tables programs keep: asked once, and again behind a rollback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.runtime.kept import KeptTables
from headwater.spi import discovery
from headwater.spi.engine import Session
from headwater.types import RelationName

SALES, SALESMEN = '"state.shop.sales/a"', '"state.shop.salesmen/a"'


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with discovery.engine("duckdb").open(str(tmp_path / "state.duckdb"), {}) as opened:
        yield opened


def epoch(session: Session, kept: KeptTables, *states: str) -> None:
    session.begin()
    session.create('"fresh"', "SELECT 1 AS x")
    for state in states:
        kept.keep(state, '"fresh"')
        session.execute(f'INSERT INTO {state} SELECT * FROM "fresh"')


def test_a_table_is_made_once_and_kept(session: Session) -> None:
    for kept in (KeptTables(session), KeptTables(session)):
        for _ in range(2):
            epoch(session, kept, SALES)
            session.commit()
    assert session.fetch(f"SELECT count(*) FROM {SALES}") == [(4,)]


def test_a_model_forgets_its_own_tables(session: Session) -> None:
    kept = KeptTables(session)
    epoch(session, kept, SALES, SALESMEN)
    session.commit()
    session.begin()
    kept.forget(RelationName("shop", "sales"))
    session.commit()
    assert not kept.has(SALES)
    assert kept.has(SALESMEN)
    epoch(session, kept, SALES)
    session.commit()
    assert session.fetch(f"SELECT count(*) FROM {SALES}") == [(1,)]


def test_a_rollback_takes_back_what_was_made_and_dropped(session: Session) -> None:
    kept = KeptTables(session)
    epoch(session, kept, SALES)
    session.commit()
    epoch(session, kept, SALESMEN)
    kept.drop(SALES)
    session.rollback()
    kept.abandon()
    assert kept.has(SALES)
    assert not kept.has(SALESMEN)
