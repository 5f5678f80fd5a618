"""One run of a case's workspace, under the crash bench; it returns what is published then, as texts."""

from __future__ import annotations

import json
from pathlib import Path

from headwater.events import Listener
from headwater.testing.cases import conformance_cases
from headwater.testing.workspaces import CaseWorkspace

CASES = {case.name: case for case in conformance_cases()}
"""Read before the children are forked."""


def run(argument: str, listener: Listener) -> object:
    """``name`` of the case, ``root`` and ``format`` of its workspace, ``epoch`` to run, from 1."""
    asked = json.loads(argument)
    case = CASES[asked["name"]]
    workspace = CaseWorkspace(case, Path(asked["root"]), table_format=asked["format"])
    for number, epoch in enumerate(case.epochs[: asked["epoch"] - 1], 1):
        workspace.declare(number, epoch)
    workspace.run(asked["epoch"], case.epochs[asked["epoch"] - 1], listener=listener)
    return {name: sorted(map(str, workspace.rows(name))) for name in case.models}
