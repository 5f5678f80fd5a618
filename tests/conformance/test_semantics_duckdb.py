"""The embedded engine gives the answers that the conformance cases state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headwater.spi import discovery
from headwater.spi.engine import Engine, Session
from headwater.testing.cases import Case, conformance_cases, run_case


@pytest.fixture(scope="module")
def engine() -> Engine:
    return discovery.engine("duckdb")


@pytest.fixture(scope="module")
def session(engine: Engine) -> Iterator[Session]:
    with engine.query({"threads": 1}) as opened:
        yield opened


@pytest.mark.parametrize("case", [case for case in conformance_cases() if not case.runs], ids=lambda case: case.name)
def test_the_case_holds(case: Case, engine: Engine, session: Session) -> None:
    assert run_case(case, engine, session) > 0
