"""The law over generated queries, rows, orders and epochs; ``python -m tests.law`` looks further."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.law.search import Report, search

from headwater.spi import discovery
from headwater.testing.cases import Case, read_cases, run_case

chains, splits, slices = 500, 4, 20
"""2,000 cases: of each chain of queries several rows, orders and epochs."""

regressions = read_cases(Path(__file__).parent / "regressions.yaml")


@pytest.mark.parametrize("part", range(slices))
def test_the_law_holds(part: int) -> None:
    size = chains // slices
    report = sum(search(range(part * size, (part + 1) * size), splits=splits), Report())
    assert not report.failures, "\n\n".join(report.failures)
    assert report.cases == size * splits


@pytest.mark.parametrize("case", regressions, ids=lambda case: case.name)
def test_what_once_failed_holds(case: Case) -> None:
    engine = discovery.engine("duckdb")
    with engine.query({"threads": 1}) as session:
        assert run_case(case, engine, session) > 0
