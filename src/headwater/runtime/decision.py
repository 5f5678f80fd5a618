"""What a run must do for a product, decided before its first epoch: pure, from plan and state.

Apart from the execution because the rules below are where a wrong answer would
be silent: which models may go on from where they were, which start anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from headwater.incremental.program import ChangeMode
from headwater.plan.steps import ModelStep, ProductPlan
from headwater.quality.checks import ReferenceCheck
from headwater.runtime import codec
from headwater.runtime.state.values import Snapshot, VersionToken
from headwater.spi.source import Position
from headwater.types import RelationName
from headwater.values import frozen

__all__ = [
    "Decision",
    "Moving",
    "decide",
    "inputs_of",
    "is_quarantine_in",
    "outdated",
    "quarantine_token",
    "reread_sources",
    "reset_sources",
    "version_tokens",
]


@frozen
class Moving:
    """What moved since the last run.

    ``advancing`` are sources and foreign relations with new rows, ``replaced``
    foreign relations whose old rows may be gone, ``reset`` sources that are read
    from the beginning again. ``single`` means that all new rows fit one epoch.
    ``belated`` relations gain rows though the watermark has passed them: a replay admits such.
    """

    advancing: frozenset[RelationName]
    replaced: frozenset[RelationName]
    reset: frozenset[RelationName]
    single: bool
    belated: frozenset[RelationName] = frozenset()


@frozen
class Decision:
    """What to do.

    ``active`` models take changes in every epoch, ``rebuild`` ones are computed
    from history in the last epoch. ``keyed`` ones are replaced models that keep state:
    they take changes in every epoch and are published in the last one. ``seeding`` ones
    are replaced models that keep none yet and begin to, if they are computed at all in
    this run: their first content took no state. ``kept`` are all models that have state, and
    ``wanted`` the relations whose changes an active or keyed stored model reads.
    """

    active: frozenset[RelationName]
    rebuild: frozenset[RelationName]
    keyed: frozenset[RelationName]
    seeding: frozenset[RelationName]
    kept: frozenset[RelationName]
    wanted: frozenset[RelationName]


def reset_sources(product: ProductPlan, snapshot: Snapshot) -> frozenset[RelationName]:
    """Sources whose declaration or contract changed: their positions and verdicts no longer hold."""
    return frozenset(
        step.relation
        for step in product.sources
        if (known := snapshot.recorded.get(step.relation)) is not None and known.fingerprint != step.fingerprint
    )


def reread_sources(product: ProductPlan, snapshot: Snapshot, reset: frozenset[RelationName]) -> frozenset[RelationName]:
    """Those of the reset sources whose connector knows the position: what was read of them has to be there still."""
    known = snapshot.recorded
    return frozenset(
        step.relation
        for step in product.sources
        if step.relation in reset & snapshot.positions.keys() & known.keys()
        and all(known[step.relation].traits.get(name) == step.traits.get(name) for name in ("kind", "connection"))
    )


def quarantine_token(format: str, epoch: int) -> VersionToken:
    """Names one content of a source's or model's refused rows, and the table format they are kept in."""
    return f"{format}:{epoch}"


def is_quarantine_in(format: str, token: VersionToken) -> bool:
    """Whether refused rows were last written in a table format.

    >>> is_quarantine_in("delta", quarantine_token("delta", 3)), is_quarantine_in("parquet", "delta:3")
    (True, False)
    """
    return token.partition(":")[0] == format


def decide(product: ProductPlan, snapshot: Snapshot, moving: Moving) -> Decision:
    """Which models go on and which are rebuilt.

    An appending model goes on from where it was unless its query changed, an
    input was replaced or rebuilt, or a relation it looks up (role ``history``, or a
    recomputed model that its contract refers to) changes, or a model that its
    contract refers to is rebuilt and has no table until then; a model that was
    never computed starts from the changes only when no input has a past.
    """
    replacing = {model.relation for model in product.models if model.program.mode is ChangeMode.REPLACE}
    changing = _changing(product, snapshot, moving)
    past = _past(product.models, snapshot, moving)
    rebuild: set[RelationName] = set()
    keyed: set[RelationName] = set()
    seeding: set[RelationName] = set()
    belated = set(moving.belated)
    for model in product.models:
        name = model.relation
        behind = any(read.relation in belated for read in model.program.inputs)
        if behind and _passes_on(model, snapshot):
            belated.add(name)
        if behind and any(read.role == "watermark" for read in model.program.inputs):
            rebuild.add(name)
        elif name not in replacing:
            looked_up = replacing | (rebuild - snapshot.versions.keys())
            if _appends_anew(
                model, snapshot, moving, changing=changing, past=past, rebuild=rebuild, recomputed=looked_up
            ):
                rebuild.add(name)
        elif model.program.steps:
            if _starts_anew(model, snapshot, moving, past, rebuild):
                rebuild.add(name)
            elif name in snapshot.kept or not model.program.is_late_to_keep or (name not in past and not moving.single):
                keyed.add(name)
            elif name in snapshot.versions:
                seeding.add(name)
    active = {model.relation for model in product.models} - replacing - rebuild
    return Decision(
        active=frozenset(active),
        rebuild=frozenset(rebuild),
        keyed=frozenset(keyed),
        seeding=frozenset(seeding),
        kept=snapshot.kept,
        wanted=_wanted(product.models, active | keyed),
    )


def _appends_anew(
    model: ModelStep,
    snapshot: Snapshot,
    moving: Moving,
    *,
    changing: set[RelationName],
    past: set[RelationName],
    rebuild: set[RelationName],
    recomputed: set[RelationName],
) -> bool:
    """Whether what an appending model published is not what its rows so far would be now."""
    changes = {read.relation for read in model.program.inputs if read.role == "change"}
    lookups = {read.relation for read in model.program.inputs if read.role == "history"}
    lookups |= _references(model) & recomputed
    known = snapshot.recorded.get(model.relation)
    if known is None:
        anew = (
            not (changes | lookups).isdisjoint(past)
            or not lookups.isdisjoint(recomputed)
            or (not moving.single and not lookups.isdisjoint(changing))
        )
    else:
        anew = (
            known.fingerprint != model.fingerprint
            or not (changes | lookups).isdisjoint(moving.replaced | moving.reset)
            or not lookups.isdisjoint(changing)
        )
    return anew or not (changes | lookups).isdisjoint(rebuild)


def _passes_on(model: ModelStep, snapshot: Snapshot) -> bool:
    """Whether belated rows of its inputs are belated in a model: one that tells late rows itself waits for its end."""
    mark = snapshot.watermarks.get(model.relation)
    return model.event_time is None or (mark is not None and mark.ended)


def _starts_anew(
    model: ModelStep, snapshot: Snapshot, moving: Moving, past: set[RelationName], rebuild: set[RelationName]
) -> bool:
    """Whether what a replaced model keeps does not tell its inputs' content.

    It does when it took every change of them. Of a relation that is computed when the run ends
    the change is what differs from the table of before, which must be there.
    """
    changes = {read.relation for read in model.program.inputs if read.role == "change"}
    deltas = {read.relation for read in model.program.inputs if read.role == "delta"}
    known = snapshot.recorded.get(model.relation)
    if known is None:
        return not (changes | deltas).isdisjoint(past)
    return (
        known.fingerprint != model.fingerprint
        or not (changes | deltas).isdisjoint(moving.replaced | moving.reset)
        or not changes.isdisjoint(rebuild)
        or not deltas <= snapshot.versions.keys() | snapshot.foreign.keys()
    )


def inputs_of(model: ModelStep) -> frozenset[RelationName]:
    """What a model's content depends on: what it reads, and for a replaced one what its contract refers to."""
    reads = {read.relation for read in model.program.inputs}
    if model.program.mode is ChangeMode.REPLACE:
        reads |= _references(model)
    return frozenset(reads - {model.relation})


def _references(model: ModelStep) -> set[RelationName]:
    """The relations that a model's contract refers to."""
    checks = model.judgement.checks if model.judgement else ()
    return {check.to for check in checks if isinstance(check, ReferenceCheck)}


def version_tokens(
    product: ProductPlan,
    positions: Mapping[RelationName, Position],
    versions: Mapping[RelationName, VersionToken],
) -> dict[RelationName, VersionToken]:
    """A name for the present content of every relation of the product and of what it reads."""
    tokens = {port.relation: versions.get(port.relation, "") for port in product.foreign}
    for source in product.sources:
        position = positions.get(source.relation)
        tokens[source.relation] = "" if position is None else _digest(source.fingerprint, codec.to_json(position))
    for model in product.models:
        if model.output == "view":
            below = (tokens.get(name, "") for name in sorted({read.relation for read in model.program.inputs}))
            tokens[model.relation] = _digest(model.fingerprint, *below)
        else:
            tokens[model.relation] = versions.get(model.relation, "")
    return tokens


def _changing(product: ProductPlan, snapshot: Snapshot, moving: Moving) -> set[RelationName]:
    """Relations whose content may differ after this run."""
    changing = set(moving.advancing | moving.replaced | moving.reset)
    tokens = version_tokens(product, snapshot.positions, snapshot.versions)
    for model in product.models:
        known = snapshot.recorded.get(model.relation)
        if (
            known is None
            or known.fingerprint != model.fingerprint
            or not inputs_of(model).isdisjoint(changing)
            or outdated(model, snapshot, tokens)
        ):
            changing.add(model.relation)
    return changing


def outdated(model: ModelStep, snapshot: Snapshot, tokens: Mapping[RelationName, VersionToken]) -> bool:
    """Whether a replaced model was computed from other contents than the present ones."""
    if model.output == "view" or model.program.mode is ChangeMode.APPEND:
        return False
    return snapshot.inputs.get(model.relation) != {read: tokens.get(read, "") for read in inputs_of(model)}


def _past(models: Iterable[ModelStep], snapshot: Snapshot, moving: Moving) -> set[RelationName]:
    """Relations that had content before this run."""
    past = (snapshot.positions.keys() | snapshot.foreign.keys() | snapshot.versions.keys()) - moving.reset
    for model in models:
        if model.output == "view" and any(read.relation in past for read in model.program.inputs):
            past.add(model.relation)
    return past


def _wanted(models: Iterable[ModelStep], active: set[RelationName]) -> frozenset[RelationName]:
    wanted: set[RelationName] = set()
    for model in reversed(tuple(models)):
        if model.relation in active and (model.output != "view" or model.relation in wanted):
            wanted |= {read.relation for read in model.program.inputs if read.role in ("change", "delta")}
    return frozenset(wanted)


def _digest(*parts: str) -> VersionToken:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()
