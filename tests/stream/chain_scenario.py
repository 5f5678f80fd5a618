"""One run of a generated chain's workspace, under the crash bench. Apart from the conformance cases, which have names.

The chain, its rows, their order and the epochs come from a seed, so that every process makes the same.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.law.choices import Choices
from tests.law.generate import arrivals, case, queries, relations

from headwater.events import Listener
from headwater.incremental.program import ChangeMode
from headwater.testing.cases import Case
from headwater.testing.workspaces import CaseWorkspace


def chain(seed: int) -> Case:
    """A chain of models over relations whose rows come in files."""
    choose = Choices(seed)
    sources = tuple(source for source in relations(choose) if source.changes is ChangeMode.APPEND)
    models = queries(choose, sources)
    return case(f"chain {seed}", sources, models, arrivals(Choices(seed * 1_000), sources))


def run(argument: str, listener: Listener) -> object:
    """``seed`` of the chain, ``root`` and ``format`` of its workspace, ``epoch`` to run, from 1."""
    asked = json.loads(argument)
    made = chain(asked["seed"])
    workspace = CaseWorkspace(made, Path(asked["root"]), table_format=asked["format"])
    for number, epoch in enumerate(made.epochs[: asked["epoch"] - 1], 1):
        workspace.declare(number, epoch)
    workspace.run(asked["epoch"], made.epochs[asked["epoch"] - 1], listener=listener)
    return None
