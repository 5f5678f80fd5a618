"""Looks for cases in which the law does not hold, seed by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import duckdb
from tests.law.choices import Choices
from tests.law.generate import PRODUCT, arrivals, case, queries, relations
from tests.law.shrink import shrink

from headwater.engines.duckdb.session import DuckDBSession
from headwater.errors import DeclarationError, HeadwaterError
from headwater.spi import discovery
from headwater.spi.engine import Engine, Session
from headwater.testing.cases import Case, run_case, write_cases
from headwater.testing.law import Broken, Feed, hold
from headwater.testing.models import Model
from headwater.types import RelationName


@dataclass
class Report:
    """What a search found."""

    cases: int = 0
    comparisons: int = 0
    refused: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __add__(self, other: Report) -> Report:
        return Report(
            self.cases + other.cases,
            self.comparisons + other.comparisons,
            self.refused + other.refused,
            self.kinds + other.kinds,
            self.failures + other.failures,
        )

    def __str__(self) -> str:
        return (
            f"{self.cases} cases, {self.comparisons} comparisons, {len(self.failures)} failures, {self.refused} refused"
        )


def search(seeds: Iterable[int], *, splits: int, small: bool = True) -> Iterator[Report]:
    """Generate a chain of queries for every seed, and run it over several data and splits.

    Args:
        splits: cases of each chain.
        small: shrink failures.
    """
    engine = discovery.engine("duckdb")
    with ExitStack() as stack:
        sessions = _sessions(engine, stack)
        for seed in seeds:
            report = _try_seed(seed, splits, small, engine, sessions)
            yield report
            if report.failures:
                # Tables of the failed case may be left in them.
                sessions = _sessions(engine, stack)


def _sessions(engine: Engine, stack: ExitStack) -> list[Session]:
    """Where the first split of a chain is run, and where the others are: planning costs less there."""
    return [stack.enter_context(engine.query({"threads": 1})), stack.enter_context(_unoptimised())]


@contextmanager
def _unoptimised() -> Iterator[Session]:
    """A session that runs statements as they are written, which is what most time goes into with few rows.

    Statements then mean what they say by themselves, not by what the optimiser makes of them.
    """
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("PRAGMA disable_optimizer")
        yield DuckDBSession(connection)


def _try_seed(seed: int, splits: int, small: bool, engine: Engine, sessions: list[Session]) -> Report:
    report = Report()
    choose = Choices(seed)
    sources = relations(choose)
    models = queries(choose, sources)
    record = choose.record
    whole = case(f"seed {seed}", sources, models, [{}])
    try:
        compiled = whole.compile(engine)
    except DeclarationError as refusal:
        report.refused += 1
        report.failures.append(f"seed {seed} is refused: {_message(refusal)}\n{write_cases(whole)}")
        return report
    report.kinds.update(f"{block.kind}" for model in compiled for block in model.program.blocks)
    for split in range(splits):
        one = case(f"seed {seed}.{split}", sources, models, arrivals(Choices(seed * 1_000 + split), sources))
        report.cases += 1
        try:
            report.comparisons += _hold(one, compiled, sessions[min(split, 1)])
        except (Broken, HeadwaterError) as failure:
            found = shrink(one, record, _fails_alike(engine, failure)) if small else one
            report.failures.append(f"{one.name}: {_message(failure)}\n{write_cases(found)}")
            break
    return report


def _hold(one: Case, compiled: tuple[Model, ...], session: Session) -> int:
    feeds = [
        Feed(
            {RelationName(PRODUCT, name): rows for name, rows in epoch.rows.items()},
            [RelationName(PRODUCT, name) for name in epoch.end],
        )
        for epoch in one.epochs
    ]
    return hold(session, one.sources, compiled, feeds)


def _fails_alike(engine: Engine, failure: Exception):
    def fails(candidate: Case) -> bool:
        try:
            with engine.query({"threads": 1}) as session:
                run_case(candidate, engine, session)
        except (Broken, HeadwaterError) as error:
            return type(error) is type(failure)
        return False

    return fails


def _message(failure: Exception) -> str:
    detail = failure.detail if isinstance(failure, HeadwaterError) else None
    return f"{failure} {detail or ''}".strip()
