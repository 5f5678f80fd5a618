"""``headwater plan``: what differs, what is computed and rebuilt, and how each model is maintained."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.encode import to_json
from headwater.cli.screen import show_json, show_table, show_text

if TYPE_CHECKING:
    from headwater.cli.settings import Settings
    from headwater.plan.steps import Difference, ModelStep, Plan, SourceStep
    from headwater.types import Json

__all__ = ["plan"]


def plan(settings: Settings, *, everything: bool) -> None:
    """Show the plan; unchanged relations are left out of the text unless ``everything`` is asked for."""
    project = api.load(settings.directory, settings.environment)
    planned = api.plan(project)
    if settings.output == "json":
        show_json(_document(planned))
        return
    shown = planned.differences if everything else planned.changed
    if shown:
        _show_differences(settings, shown)
    models = [step for product in planned.products for step in product.models]
    chosen = {difference.relation for difference in shown}
    _show_keyed(settings, [step for p in planned.products for step in p.sources if step.relation in chosen])
    shown_models = [step for step in models if step.relation in chosen]
    _show_kinds(settings, shown_models)
    _show_warnings(settings, shown_models)
    show_text(settings, _summary(planned))


def _show_differences(settings: Settings, differences: tuple[Difference, ...]) -> None:
    lines = [(d.relation, d.change, "yes" if d.rebuild else "", d.reason) for d in differences]
    show_table(settings, ["relation", "change", "rebuilt", "reason"], lines)
    show_text(settings, "")
    for difference in differences:
        for reference in difference.breaks:
            show_text(settings, f"{difference.relation} breaks {reference.relation}.{reference.column}")


def _show_keyed(settings: Settings, sources: list[SourceStep]) -> None:
    """Which sources bring changes, and what they keep."""
    blocks = [(step.relation, block) for step in sources if step.keyed for block in step.keyed.program.blocks]
    for relation, block in blocks:
        told = f"{relation} is keyed by {', '.join(block.key)}: {block.why}; it keeps {block.state}"
        show_text(settings, told)
    if blocks:
        show_text(settings, "")


def _show_kinds(settings: Settings, models: list[ModelStep]) -> None:
    if not models:
        return
    lines = [
        (step.relation, step.output, step.program.kind.value, step.program.mode.value, _why(step)) for step in models
    ]
    show_table(settings, ["model", "output", "kind", "publishes by", "because"], lines)
    show_text(settings, "")


def _show_warnings(settings: Settings, models: list[ModelStep]) -> None:
    """What of the plan may surprise: results that depend on the order of rows, and state that grows."""
    for step in models:
        for warning in step.analysis.warnings:
            show_text(settings, f"warning: {warning.where}: {warning.message}\n  hint: {warning.hint}")
        for block in step.program.growing:
            show_text(settings, f"warning: {step.relation} keeps {block.state}, which grows as long as rows come")
            if block.cheaper:
                show_text(settings, f"  hint: {block.cheaper}")


def _why(step: ModelStep) -> str:
    deciding = [block for block in step.program.blocks if block.kind == step.program.kind]
    return deciding[0].why if deciding else ""


def _summary(planned: Plan) -> str:
    counts = Counter(difference.change for difference in planned.differences)
    changed = [f"{counts[change]} {change}" for change in counts if change != "unchanged"]
    rebuilt = sum(difference.rebuild for difference in planned.differences)
    same = f"{counts['unchanged']} unchanged"
    if not changed:
        return f"{planned.environment.name}: nothing differs from the last run; {same}. A run reads what is new."
    return f"{planned.environment.name}: {', '.join(changed)}, {same}; {rebuilt} to be rebuilt."


def _document(planned: Plan) -> Json:
    return {
        "environment": planned.environment.name,
        "differences": [to_json(difference) for difference in planned.differences],
        "products": [
            {
                "product": product.product,
                "sources": [_source(step) for step in product.sources],
                "foreign": [str(port.relation) for port in product.foreign],
                "models": [_model(step) for step in product.models],
            }
            for product in planned.products
        ],
    }


def _source(step: SourceStep) -> Json:
    return {
        "relation": str(step.relation),
        "kind": step.source.kind,
        "contract": (step.judgement.contract_id or None) if step.judgement else None,
        "columns": to_json(step.schema),
        "keyed_by": list(step.keyed.key) if step.keyed else None,
    }


def _model(step: ModelStep) -> Json:
    return {
        "relation": str(step.relation),
        "output": step.output,
        "kind": step.program.kind.value,
        "mode": step.program.mode.value,
        "rebuild": step.rebuild,
        "reads": to_json(step.analysis.reads),
        "contract": step.judgement.contract_id if step.judgement else None,
        "columns": to_json(step.analysis.schema),
        "blocks": to_json(step.program.blocks),
        "warnings": to_json(step.analysis.warnings),
    }
