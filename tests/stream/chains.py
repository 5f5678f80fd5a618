"""Generated chains as workspaces whose runs are killed at random points; ``python -m tests.stream.chains`` kills more.

Every epoch of a chain is a run of its workspace. It is killed at an event or a moment, sometimes twice, and run to its
end; what is published then has to be what the law's bench has, which is compared with the batch result there.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.spi import discovery
from headwater.testing.cases import Case
from headwater.testing.crash import CrashBench
from headwater.testing.law import Feed, hold, unequal
from headwater.testing.programs import Epoch, ProgramRun, Row
from headwater.testing.workspaces import CaseWorkspace
from headwater.types import RelationName

from .chain_scenario import chain

SCENARIO = f"{Path(__file__).with_name('chain_scenario.py')}:run"
FORMATS = ("delta", "parquet", "iceberg")
EARLIEST = 10
"""The first run of any chain tells of at least so many events, so that a kill at one of them happens for certain."""


@dataclass
class Found:
    """What became of a chain: how often it was killed, and what is wrong then."""

    killed: int = 0
    failure: str = ""


def killed_chain(seed: int, root: Path, bench: CrashBench) -> Found:
    """Run a chain with kills and compare after each of its runs."""
    made, choose = chain(seed), random.Random(seed)
    kind = FORMATS[0] if choose.random() < 0.6 else choose.choice(FORMATS[1:])
    expected = contents(made)
    workspace = CaseWorkspace(made, root, table_format=kind)
    found = Found()
    for number, epoch in enumerate(made.epochs, 1):
        workspace.declare(number, epoch)
        argument = json.dumps({"seed": seed, "root": str(root), "format": kind, "epoch": number})
        for attempt in range(choose.choice((1, 1, 2))):
            if number == 1 and not attempt:
                found.killed += bench.run(argument, kill_at=choose.randint(1, EARLIEST)).killed
            elif choose.random() < 0.25:
                found.killed += bench.run(argument, kill_after=choose.uniform(0.01, 0.4)).killed
            else:
                found.killed += bench.run(argument, kill_at=choose.randint(1, 30)).killed
        outcome = bench.run(argument)
        if outcome.error is not None:
            found.failure = f"chain {seed} as {kind}, run {number}: {outcome.error}"
            return found
        for name, rows in expected[number - 1].items():
            differences = unequal(rows, workspace.rows(name))
            if differences:
                found.failure = f"chain {seed} as {kind}, run {number}: {name} is {made.models[name]}\n{differences}"
                return found
    return found


def contents(made: Case) -> Sequence[Mapping[str, list[Row]]]:
    """What every model has after every epoch, held to the law."""
    engine = discovery.engine("duckdb")
    models = made.compile(engine)
    feeds = [
        Feed({_name(name): rows for name, rows in epoch.rows.items()}, [_name(name) for name in epoch.end])
        for epoch in made.epochs
    ]
    found: list[Mapping[str, list[Row]]] = []

    def look(run: ProgramRun, epoch: Epoch) -> None:
        found.append({model.name.name: run.content(model.name) for model in models})

    with engine.query({"threads": 1}) as session:
        hold(session, made.sources, models, feeds, look=look)
    return found


def _name(text: str) -> RelationName:
    return RelationName("case", text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stream.chains", description=__doc__)
    parser.add_argument("--seeds", default="0:500", help="first:end (default %(default)s)")
    first, end = (int(part) for part in parser.parse_args().seeds.split(":"))
    killed = failures = 0
    with CrashBench(SCENARIO) as bench:
        for seed in range(first, end):
            with tempfile.TemporaryDirectory() as folder:
                found = killed_chain(seed, Path(folder), bench)
            killed += found.killed
            failures += bool(found.failure)
            if found.failure:
                sys.stdout.write(f"FAILED {found.failure}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{end - first} chains, {killed} kills, {failures} failures\n")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
