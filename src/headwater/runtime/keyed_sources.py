"""The changes of a keyed source in one epoch: judged one by one, then applied to the rows that the source has.

Apart from intake because what is judged (changes) is not what models read (rows gained and lost), and because a
replay of refused changes applies them the same way.
"""

from __future__ import annotations

from dataclasses import replace

from headwater.incremental.upserts import superseded_of
from headwater.plan.steps import KeyedSource, SourceStep
from headwater.quality.changes import DELETED, SUPERSEDED, content_judgement, record_judgement
from headwater.quality.checks import Judgement
from headwater.quality.judging import Judging, judge
from headwater.relations import relation
from headwater.runtime.judging import examine
from headwater.runtime.programs import run_steps
from headwater.runtime.publication import Publisher
from headwater.runtime.state import CheckResult
from headwater.spi.codec import Rows
from headwater.spi.engine import Landed
from headwater.types import Counts, RelationName
from headwater.values import frozen

__all__ = ["Changes"]


@frozen
class Changes:
    """Takes the changes of one keyed source into an epoch."""

    publisher: Publisher
    step: SourceStep
    keyed: KeyedSource
    judgement: Judgement

    @staticmethod
    def of(publisher: Publisher, step: SourceStep) -> Changes | None:
        """None for a source whose records are rows."""
        if step.keyed is None or step.judgement is None:
            return None
        return Changes(publisher, step, step.keyed, step.judgement)

    def land(self, rows: Rows) -> Landed:
        """Decode records; ``candidate`` then holds the changes that they are."""
        bench, name = self.publisher.bench, self.step.relation
        landed = bench.land(
            relation("records", name),
            rows,
            self.keyed.records,
            rejects=relation("malformed", name),
            provenance=name,
        )
        bench.define(relation("candidate", name), self.keyed.query)
        return landed

    def judging(self, name: RelationName, *, malformed: bool) -> Judging:
        """How changes are judged that are candidates under a name: the source's own, or that of a replay."""
        demands = record_judgement(self.judgement)
        return judge(name, demands, self.keyed.changes, history=False, malformed=malformed, unless=DELETED)

    def apply(self) -> None:
        """Bring the rows up to date from the accepted ``change``; ``delta`` then holds what was gained and lost."""
        publisher, name = self.publisher, self.step.relation
        bench, epoch = publisher.bench, publisher.epoch
        bench.rows.landed(name, None)
        bench.create(relation("delta", name), run_steps(bench, self.keyed.program, anew=False))
        if passed := bench.count(superseded_of(name)):
            told = f"{passed} of the accepted changes came behind newer ones of their keys, and changed nothing"
            epoch.checks.append(CheckResult(name, SUPERSEDED, passed, True, "info", told))

    def examine(self, judging: Judging, counts: Counts) -> tuple[CheckResult, ...]:
        """Measure refusals against the budget, and the rows after this epoch against the dataset checks.

        Raises:
            BudgetError, DataError: the epoch is not to be published.
        """
        bench, name = self.publisher.bench, self.step.relation
        demands, content = content_judgement(self.judgement), RelationName(name.product, f"{name.name}@content")
        if demands.checks:
            bench.define(relation("accepted", content), self.keyed.program.content or "")
            whole = judge(content, demands, self.step.schema, history=False)
            judging = replace(judging, datasets=whole.datasets)
        return examine(bench, judging, self.judgement, counts)
