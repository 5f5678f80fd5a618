"""Which fields of a product's sources anything asks for, and how often: models, through views too, and contracts.

Apart from planning because it looks at all relations of a product at once, when each of them is planned. What is
not asked for need not be kept when a source's records are decoded, and what many ask for is worth a copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from headwater.plan.steps import ModelStep, SourceStep
from headwater.quality.checks import DatasetCheck, Judgement, KeyCheck, ReferenceCheck
from headwater.types import FieldPath, RelationName

__all__ = ["with_demands"]


def with_demands(
    sources: Sequence[SourceStep], models: Sequence[ModelStep], read_elsewhere: Collection[RelationName]
) -> tuple[SourceStep, ...]:
    """The sources of a product, each with the fields that are needed of it and how many models read it.

    Args:
        models: of the same product, in dependency order.
        read_elsewhere: models of it that other products read.
    """
    demands = _Demands()
    judgements = [*(step.judgement for step in sources), *(model.judgement for model in models)]
    for check in (check for judgement in judgements if judgement is not None for check in judgement.checks):
        if isinstance(check, ReferenceCheck):
            demands.add(check.to, ((column,) for column in check.to_columns))
    for model in reversed(models):
        stored = model.output != "view" or model.judgement is not None or model.relation in read_elsewhere
        _ask(model, None if stored else demands.of(model.relation), demands)
        for read in model.analysis.reads:
            demands.readers[read] += 1 if stored else demands.readers[model.relation]
    counted = (replace(step, readers=demands.readers[step.relation]) for step in sources)
    return tuple(_needed(step, demands) for step in counted)


@dataclass(slots=True)
class _Demands:
    """The fields asked of each relation, and how many models compute from it; the path ``()`` stands for all."""

    readers: Counter[RelationName] = field(default_factory=Counter)
    _paths: dict[RelationName, set[FieldPath]] = field(default_factory=dict)

    def add(self, relation: RelationName, paths: Iterable[FieldPath]) -> None:
        self._paths.setdefault(relation, set()).update(paths)

    def of(self, relation: RelationName) -> set[FieldPath]:
        return self._paths.get(relation, set())


def _ask(model: ModelStep, wanted: set[FieldPath] | None, demands: _Demands) -> None:
    """What a model asks of those it reads when the columns ``wanted`` are asked of it; None: all."""
    uses = model.analysis.fields
    if uses is None:
        for read in model.analysis.reads:
            demands.add(read, [()])
        return
    columns = None if wanted is None or () in wanted else {path[0].casefold() for path in wanted}
    for use in uses:
        if not use.output or columns is None or use.output.casefold() in columns:
            demands.add(use.relation, [use.path])


def _needed(step: SourceStep, demands: _Demands) -> SourceStep:
    """A source whose records are changes is needed as a whole: a change replaces what was there."""
    if step.keyed is not None:
        return step
    paths = set(demands.of(step.relation))
    if step.judgement is not None:
        if step.judgement.fields is None:
            return step
        paths.update(step.judgement.fields, _judged(step.judgement))
    return step if () in paths else replace(step, needed=tuple(sorted(paths)))


def _judged(judgement: Judgement) -> Iterator[FieldPath]:
    """The columns that keys, references, time and measures of the whole content ask for."""
    if judgement.event_time is not None:
        yield (judgement.event_time.column,)
    for check in judgement.checks:
        match check:
            case KeyCheck(columns=columns) | ReferenceCheck(columns=columns):
                yield from ((column,) for column in columns)
            case DatasetCheck():
                yield from [()] if check.columns is None else [(column,) for column in check.columns]
