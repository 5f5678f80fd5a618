"""Conformance cases as data: relations, models, what arrives in each epoch and what is published then.

Apart from the law because a case states its answer; the law is held besides. A file, as YAML::

    relations:
      clicks: {columns: {user: VARCHAR, at: TIMESTAMP}, time: at, delay: PT10M}
      names: {columns: {user: VARCHAR, name: VARCHAR}, changes: replace}
    cases:
    - name: closes-at-its-end
      title: A window closes when the watermark reaches its end
      rules: [W6]
      models:
        hourly: SELECT window_start, count(*) AS n FROM TUMBLE(clicks, at, INTERVAL 1 HOUR) GROUP BY window_start
      epochs:
      - rows: {clicks: [[ann, 2024-01-01 00:05]]}
        expect: {hourly: []}
      - end: [clicks]
        expect: {hourly: [[2024-01-01 00:00, 1]]}

A case has those of the file's relations that its models name, and may have its own. Rows of a replaced relation
have behind them how many times they come (1) or go (-1). ``end: all`` ends every source. ``expect`` is the whole
content after an epoch. ``late`` and ``untimed`` count the rows that an epoch refused for their time.

A case with ``runs: true`` or ``contracts`` is one of whole runs. Contracts say by relation: ``required``, ``key``,
``minimum``, ``references``, ``budget``, ``most`` (rows in all), ``late``, ``idle``, ``future``, ``time``, ``delay``; of
models ``columns`` too. Its epochs may also have ``lines`` (raw records of a relation), ``clock``, ``models`` and
``contracts`` that change, ``replay`` (whose quarantine is judged again), ``quarantined`` (how many rows),
``superseded`` (how many changes) and ``fails``. A relation whose ``changes`` are a mapping is a keyed source: the
mapping is what ``sources.yaml`` says, and ``columns`` are those of its rows. Envelopes come as ``lines``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from headwater.errors import UsageError
from headwater.incremental.program import ChangeMode
from headwater.spec.declarations import Deletion, SourceChanges
from headwater.spec.durations import parse_duration, to_duration
from headwater.spi.engine import Engine, Session
from headwater.testing.law import Broken, Feed, hold, unequal, values_query
from headwater.testing.models import Model, compile_models
from headwater.testing.programs import Epoch, EventTime, ProgramRun, Row, Source
from headwater.types import RelationName, Schema
from headwater.values import frozen

__all__ = ["Case", "CaseEpoch", "conformance_cases", "read_cases", "run_case", "write_cases"]

product = "case"
_loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C where it was built, which takes a fifth of the time."""


@frozen
class CaseEpoch:
    """What arrives, and what must be there then. Models that are not named in ``expect`` are held to the law alone."""

    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    end: tuple[str, ...] = ()
    expect: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    late: Mapping[str, int] = field(default_factory=dict)
    untimed: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    superseded: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    contracts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    clock: datetime | None = None
    replay: str | None = None
    fails: bool = False


@frozen
class Case:
    """One case; ``kinds`` says how models must be maintained, where that is part of it.

    With ``contracts`` it is one of whole runs, see :mod:`headwater.testing.workspaces`, and no engine's alone.
    """

    name: str
    sources: tuple[Source, ...]
    models: Mapping[str, str]
    epochs: tuple[CaseEpoch, ...]
    title: str = ""
    rules: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    contracts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    runs: bool = False
    keyed: Mapping[str, SourceChanges] = field(default_factory=dict)
    """What the records of sources are changes by; only whole runs take such."""

    def compile(self, engine: Engine) -> tuple[Model, ...]:
        """The models' programs."""
        return compile_models(self.sources, {_name(name): sql for name, sql in self.models.items()}, engine.bind)


def run_case(case: Case, engine: Engine, session: Session) -> int:
    """Run a case; returns how many comparisons there were.

    Raises:
        Broken: something is not as the case or the law says.
    """
    models = case.compile(engine)
    for model in models:
        wanted = case.kinds.get(model.name.name)
        if wanted not in (None, model.program.kind.value):
            raise Broken(f"{model.name.name} is maintained as {model.program.kind}, not as {wanted}")
    feeds = [
        Feed({_name(name): rows for name, rows in epoch.rows.items()}, [_name(name) for name in epoch.end])
        for epoch in case.epochs
    ]
    return hold(session, case.sources, models, feeds, look=_expectations(case, models, session))


def _expectations(case: Case, models: Sequence[Model], session: Session) -> Callable[[ProgramRun, Epoch], None]:
    schemas = {model.name.name: model.analysis.schema for model in models}

    def look(run: ProgramRun, epoch: Epoch) -> None:
        expected = case.epochs[epoch.number - 1]
        for name, rows in expected.expect.items():
            wanted = session.fetch(values_query(schemas[name], rows)) if rows else []
            differences = unequal(wanted, run.content(_name(name)))
            if differences:
                raise Broken(f"epoch {epoch.number}: {name} is not what the case expects\n{differences}")
        _count("late", epoch, epoch.late, expected.late)
        _count("without time", epoch, epoch.untimed, expected.untimed)

    return look


def _count(what: str, epoch: Epoch, found: Mapping[RelationName, int], wanted: Mapping[str, int]) -> None:
    counted = {name.name: number for name, number in found.items() if number}
    if counted != dict(wanted):
        raise Broken(f"epoch {epoch.number}: rows {what} are {counted}, not {dict(wanted)}")


def read_cases(path: Path) -> tuple[Case, ...]:
    """Read the cases of a YAML file."""
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), _loader)  # noqa: S506 - a safe one
        return tuple(_case(body, read.get("relations", {})) for body in read["cases"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} holds no conformance cases", detail=repr(error)) from error


@cache
def conformance_cases() -> tuple[Case, ...]:
    """The cases that come with headwater, which its rules name."""
    folder = Path(__file__).parent / "conformance"
    return tuple(case for path in sorted(folder.glob("*.yaml")) for case in read_cases(path))


def _case(read: Mapping[str, Any], relations: Mapping[str, Any]) -> Case:
    _only(read, "name", "title", "rules", "relations", "models", "epochs", "kinds", "contracts", "runs")
    words = set(re.findall(r"\w+", " ".join(read["models"].values()))) | set(read.get("contracts", ()))
    known = {name: body for name, body in relations.items() if name in words} | read.get("relations", {})
    keyed = {name: _changes(body["changes"]) for name, body in known.items() if isinstance(body.get("changes"), dict)}
    sources = tuple(_source(name, body) for name, body in known.items())
    return Case(
        name=read["name"],
        sources=sources,
        models=dict(read["models"]),
        epochs=tuple(_epoch(body, sources) for body in read["epochs"]),
        title=read.get("title", ""),
        rules=tuple(read.get("rules", ())),
        kinds=dict(read.get("kinds", {})),
        contracts=dict(read.get("contracts", {})),
        runs=bool(read.get("runs")) or "contracts" in read or bool(keyed),
        keyed=keyed,
    )


def _only(read: Mapping[str, Any], *known: str) -> None:
    unknown = set(read) - set(known)
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}")


def _source(name: str, body: Mapping[str, Any]) -> Source:
    _only(body, "columns", "time", "delay", "changes")
    time = EventTime(body["time"], parse_duration(body.get("delay", "PT0S"))) if "time" in body else None
    changes = body.get("changes", "append")
    mode = ChangeMode.APPEND if isinstance(changes, dict) else ChangeMode(changes)
    return Source(_name(name), Schema.of(body["columns"]), mode, time)


def _changes(body: Mapping[str, Any]) -> SourceChanges:
    _only(body, "kind", "key", "order", "delete")
    deletion = body.get("delete")
    return SourceChanges(
        kind=body.get("kind", "upsert"),
        key=tuple(body.get("key", ())),
        order=tuple(body.get("order", ())),
        delete=Deletion(deletion["column"], tuple(deletion["values"]) if "values" in deletion else None)
        if deletion
        else None,
    )


def _epoch(body: Mapping[str, Any], sources: Sequence[Source]) -> CaseEpoch:
    _only(body, *(each.name for each in fields(CaseEpoch)))
    end = body.get("end", ())
    return CaseEpoch(
        rows={name: _rows(rows) for name, rows in body.get("rows", {}).items()},
        end=tuple(source.name.name for source in sources) if end == "all" else tuple(end),
        expect={name: _rows(rows) for name, rows in body.get("expect", {}).items()},
        clock=_clock(body.get("clock")),
        **{key: value for key, value in body.items() if key not in ("rows", "end", "expect", "clock")},
    )


def _clock(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text)).replace(tzinfo=UTC)


def _rows(read: Sequence[Sequence[Any]]) -> list[Row]:
    return [tuple(row) for row in read]


def write_cases(*cases: Case) -> str:
    """Cases as YAML, readable by :func:`read_cases`."""
    written = {"cases": [_document(case) for case in cases]}
    return str(yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None))


def _document(case: Case) -> dict[str, Any]:
    written: dict[str, Any] = {"name": case.name}
    written |= {"title": case.title} if case.title else {}
    written |= {"rules": list(case.rules)} if case.rules else {}
    written["relations"] = {source.name.name: _relation(source) for source in case.sources}
    written["models"] = dict(case.models)
    written |= {"kinds": dict(case.kinds)} if case.kinds else {}
    return written | {"epochs": [_written(epoch, case.sources) for epoch in case.epochs]}


def _relation(source: Source) -> dict[str, Any]:
    written: dict[str, Any] = {"columns": source.schema.to_mapping()}
    if source.event_time is not None:
        written |= {"time": source.event_time.column, "delay": to_duration(source.event_time.delay)}
    if source.changes is ChangeMode.REPLACE:
        written["changes"] = source.changes.value
    return written


def _written(epoch: CaseEpoch, sources: Sequence[Source]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if any(epoch.rows.values()):
        written["rows"] = {name: [_plain(row) for row in rows] for name, rows in epoch.rows.items() if rows}
    if epoch.end:
        everything = {source.name.name for source in sources} == set(epoch.end)
        written["end"] = "all" if everything else list(epoch.end)
    if epoch.expect:
        written["expect"] = {name: [_plain(row) for row in rows] for name, rows in epoch.expect.items()}
    return written | {key: dict(counts) for key, counts in (("late", epoch.late), ("untimed", epoch.untimed)) if counts}


def _plain(row: Row) -> list[Any]:
    return [value if isinstance(value, bool | int | float | list | None) else str(value) for value in row]


def _name(text: str) -> RelationName:
    return RelationName(product, text)
