"""How each relation of a plan differs from what the last run recorded, and why.

Apart from planning so that the classes and their reasons can be tested as
values: recorded on one side, planned on the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from headwater.plan.schemas import SchemaChange, compare_schemas
from headwater.plan.steps import Difference, ModelStep, Recorded, SourceStep
from headwater.quality.compatibility import keeps_key
from headwater.sql.analysis import ColumnReference
from headwater.types import RelationName

__all__ = ["CONTENT_TRAITS", "Affected", "QueryDifference", "model_difference", "removed", "source_difference"]

QueryDifference = Callable[[str, str], Sequence[str]]
"""Says in words how two canonical queries differ."""

Affected = Callable[[ColumnReference], Sequence[ColumnReference]]
"""The columns of other models that a column flows into."""

CONTENT_TRAITS = ("key", "output", "partitioning", "rules", "connection", "options", "program", "upstream")
"""The traits that content fingerprints sum up; all others are metadata."""


def model_difference(
    step: ModelStep,
    recorded: Recorded | None,
    upstream: Mapping[RelationName, Difference],
    query_difference: QueryDifference,
    affected: Affected,
) -> Difference:
    """How a model differs.

    Args:
        step: the model as planned; its ``rebuild`` says whether it starts from history.
        recorded: what the last run recorded of it.
        upstream: the differences of the relations it reads.
        query_difference: asked only when the query changed.
        affected: asked only for columns whose change breaks readers.
    """
    if recorded is None:
        return Difference(step.relation, "added", _added(step, upstream), step.rebuild)
    if recorded.fingerprint == step.fingerprint:
        return _same_content(step, recorded)
    changes = compare_schemas(recorded.schema, step.analysis.schema, step.renames)
    reasons = [change.text for change in changes]
    if recorded.canonical != step.analysis.canonical:
        reasons.extend(query_difference(recorded.canonical, step.analysis.canonical))
        reasons = reasons or ["query changed"]
    reasons.extend(_trait_reasons(recorded.traits, step.traits))
    reasons.extend(_upstream_reasons(recorded, step, upstream))
    return _changed(step, recorded, changes, reasons, affected)


def source_difference(step: SourceStep, recorded: Recorded | None, affected: Affected) -> Difference:
    """How a source differs; a changed source is read from its beginning again."""
    if recorded is None:
        return Difference(step.relation, "added", "a new source", rebuild=False)
    if recorded.fingerprint == step.fingerprint:
        return _same_content(step, recorded)
    changes = compare_schemas(recorded.schema, step.schema, {})
    reasons = [change.text for change in changes]
    reasons.extend(_trait_reasons(recorded.traits, step.traits))
    return _changed(step, recorded, changes, reasons, affected)


def removed(recorded: Recorded) -> Difference:
    """A relation that is declared no longer."""
    return Difference(recorded.relation, "removed", "it is declared no longer; what it published stays", rebuild=False)


def _added(step: ModelStep, upstream: Mapping[RelationName, Difference]) -> str:
    if not step.rebuild:
        return "a new model"
    known = sorted(str(name) for name, difference in upstream.items() if difference.change != "added")
    return f"a new model over {', '.join(known)}" if known else "a new model"


def _same_content(step: ModelStep | SourceStep, recorded: Recorded) -> Difference:
    if recorded.metadata_fingerprint == step.metadata_fingerprint:
        return Difference(step.relation, "unchanged", "", rebuild=False)
    names = sorted(
        name
        for name in {*recorded.traits, *step.traits} - set(CONTENT_TRAITS)
        if recorded.traits.get(name) != step.traits.get(name)
    )
    reason = ", ".join(f"{name} changed" for name in names) or "what is said of it changed"
    return Difference(step.relation, "metadata", reason, rebuild=False)


def _changed(
    step: ModelStep | SourceStep,
    recorded: Recorded,
    changes: Sequence[SchemaChange],
    reasons: Sequence[str],
    affected: Affected,
) -> Difference:
    broken = [change for change in changes if change.breaking]
    before, after = (_key(traits) for traits in (recorded.traits, step.traits))
    key_lost = bool(recorded.traits) and not keeps_key(before, after)
    breaks = {
        reference: None for change in broken for reference in affected(ColumnReference(step.relation, change.column))
    }
    return Difference(
        step.relation,
        "breaking" if broken or key_lost else "non-breaking",
        "; ".join(dict.fromkeys(reasons)) or "something it depends on changed in an earlier run",
        step.rebuild if isinstance(step, ModelStep) else True,
        tuple(breaks),
    )


def _key(traits: Mapping[str, str]) -> list[str]:
    return [name for name in traits.get("key", "").split(", ") if name]


def _trait_reasons(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    if not old:
        return
    for name in ("key", "output", "partitioning", "connection", "program"):
        was, now = old.get(name, ""), new.get(name, "")
        if was != now:
            yield f"{name}: {was or 'none'} -> {now or 'none'}"
    for name, what in (("rules", "rule"), ("options", "option")):
        was_parts, now_parts = _parts(old.get(name)), _parts(new.get(name))
        for part in sorted({*was_parts, *now_parts}):
            if part not in was_parts:
                yield f"{what} {part} added"
            elif part not in now_parts:
                yield f"{what} {part} removed"
            elif was_parts[part] != now_parts[part]:
                yield f"{what} {part} changed"


def _upstream_reasons(
    recorded: Recorded, step: ModelStep, upstream: Mapping[RelationName, Difference]
) -> Iterator[str]:
    was, now = _parts(recorded.traits.get("upstream")), _parts(step.traits.get("upstream"))
    for name in sorted(now):
        if name in was and was[name] != now[name]:
            yield f"upstream {name} changed"
    if not was:
        for relation, difference in sorted(upstream.items()):
            if difference.change in {"breaking", "non-breaking"}:
                yield f"upstream {relation} changed"


def _parts(text: str | None) -> dict[str, str]:
    return json.loads(text) if text else {}
