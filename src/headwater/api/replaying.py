"""Judging refused rows again.

Apart from the quarantine's other functions because a replay is a run: it
answers with a run's outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.api.planning import plan
from headwater.api.project import Project, relation_named
from headwater.api.running import RunOutcome, summarise

if TYPE_CHECKING:
    from headwater.events import Listener

__all__ = ["quarantine_replay"]


def quarantine_replay(project: Project, relation: str, *, listener: Listener | None = None) -> RunOutcome:
    """Run the relation's product, then judge its refused rows again and publish those admitted now, exactly once.

    Rows that are admitted count as accepted and no longer as quarantined. A
    relation that is computed anew at every refresh is judged whole by the run.

    Raises:
        DeclarationErrors: the workspace cannot be planned.
        UsageError: there is no such relation, it has no contract, or another process runs the environment.
    """
    from headwater.runtime import execution

    name = relation_named(project, relation)
    planned = plan(project)
    report = execution.run(
        planned,
        project.layout,
        listeners=[listener] if listener else [],
        replay=name,
        max_epoch_bytes=project.environment.epoch.bytes,
    )
    return summarise(project, report)
