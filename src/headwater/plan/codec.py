"""What analysis yields, as JSON text and back: the entries of the analysis cache.

Apart from the cache, which stores texts and knows no values. Lists stand in
fixed order instead of objects with keys, because a plan of a thousand models
reads a thousand of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, assert_never

from headwater.errors import Location
from headwater.incremental.moments import Moment
from headwater.incremental.program import (
    Block,
    BlockKind,
    ChangeMode,
    Clock,
    Delete,
    Input,
    Insert,
    Keep,
    Program,
    Step,
    Take,
)
from headwater.quality.checks import (
    Check,
    DatasetCheck,
    Judgement,
    KeyCheck,
    ReferenceCheck,
    RowCheck,
    Unjudged,
)
from headwater.relations import Statement
from headwater.spec.contract import Budget, EventTime
from headwater.sql.analysis import Analysis, ColumnLineage, ColumnReference, FieldUse, QueryWarning
from headwater.types import Column, DataType, RelationName, Schema
from headwater.values import frozen

__all__ = [
    "Reading",
    "Understood",
    "from_judgement",
    "from_readings",
    "from_understood",
    "to_judgement",
    "to_readings",
    "to_understood",
]

_microsecond: Final = timedelta(microseconds=1)

Packed = Any
"""JSON as ``json`` reads and writes it."""


@frozen
class Reading:
    """A relation that a query names, as written: its parts, and the line (from 0) and column (from 1) in the query."""

    parts: tuple[str, ...]
    line: int
    column: int


@frozen
class Understood:
    """All that analysis yields for one model."""

    analysis: Analysis
    program: Program
    judgement: Judgement | None


def from_readings(readings: tuple[Reading, ...]) -> str:
    """The relations that a query names, as cache entry."""
    return _text([[list(reading.parts), reading.line, reading.column] for reading in readings])


def to_readings(text: str) -> tuple[Reading, ...]:
    """Undo :func:`from_readings`."""
    return tuple(Reading(tuple(parts), line, column) for parts, line, column in json.loads(text))


def from_understood(understood: Understood, first_line: int) -> str:
    """A model's analysis, program and judgement as cache entry, whatever the place of its query in a file."""
    return _text(
        [
            _pack_analysis(understood.analysis),
            [_pack_warning(warning, first_line) for warning in understood.analysis.warnings],
            _pack_program(understood.program),
            _pack_judgement(understood.judgement),
        ]
    )


def to_understood(text: str, path: str, first_line: int) -> Understood:
    """Undo :func:`from_understood` for a query that begins at a line of a file."""
    analysis, warnings, program, judgement = json.loads(text)
    return Understood(
        _unpack_analysis(analysis, tuple(_unpack_warning(warning, path, first_line) for warning in warnings)),
        _unpack_program(program),
        _unpack_judgement(judgement),
    )


def from_judgement(judgement: Judgement) -> str:
    """A source's judgement as cache entry."""
    return _text(_pack_judgement(judgement))


def to_judgement(text: str) -> Judgement | None:
    """Undo :func:`from_judgement`."""
    return _unpack_judgement(json.loads(text))


def _text(value: Packed) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _pack_analysis(analysis: Analysis) -> Packed:
    return [
        analysis.canonical,
        analysis.engine_sql,
        [[column.name, str(column.type), column.nullable] for column in analysis.schema],
        [_pack_name(relation) for relation in analysis.reads],
        [
            [part.column, _pack_references(part.direct), _pack_references(part.indirect), part.transformation]
            for part in analysis.lineage
        ],
        None
        if analysis.fields is None
        else [[*_pack_name(use.relation), list(use.path), use.output] for use in analysis.fields],
    ]


def _pack_warning(warning: QueryWarning, first_line: int) -> Packed:
    where = warning.where
    line = None if where.line is None else where.line - first_line
    return [warning.message, warning.hint, line, where.column, where.excerpt]


def _unpack_warning(packed: Packed, path: str, first_line: int) -> QueryWarning:
    message, hint, line, column, excerpt = packed
    return QueryWarning(message, hint, Location(path, None if line is None else first_line + line, column, excerpt))


def _unpack_analysis(packed: Packed, warnings: tuple[QueryWarning, ...]) -> Analysis:
    canonical, engine_sql, schema, reads, lineage, fields = packed
    return Analysis(
        canonical,
        engine_sql,
        Schema(tuple(Column(name, _type(kind), nullable) for name, kind, nullable in schema)),
        tuple(_name(*relation) for relation in reads),
        tuple(
            ColumnLineage(column, _unpack_references(direct), _unpack_references(indirect), transformation)
            for column, direct, indirect, transformation in lineage
        ),
        warnings,
        None
        if fields is None
        else tuple(FieldUse(_name(product, name), tuple(path), output) for product, name, path, output in fields),
    )


def _pack_program(program: Program) -> Packed:
    return [
        _pack_name(program.relation),
        program.kind.value,
        program.mode.value,
        [[*_pack_name(read.relation), read.role] for read in program.inputs],
        [_pack_step(statement) for statement in program.statements],
        None if program.rebuild == program.statements else [_pack_step(statement) for statement in program.rebuild],
        [
            [block.name, block.kind.value, block.why, block.cheaper, block.state, list(block.key), block.bounded]
            for block in program.blocks
        ],
        [_pack_step(step) for step in program.steps],
        list(program.states),
        program.content,
        {column: _pack_clock(clock) for column, clock in program.clocks.items()},
        sorted(program.settled),
        [_pack_moment(moment) for moment in program.moments],
    ]


def _unpack_program(packed: Packed) -> Program:
    relation, kind, mode, inputs, statements, rebuild, blocks, steps, states, content, clocks, settled, moments = packed
    made = tuple(Statement(name, sql) for _, name, sql in statements)
    return Program(
        relation=_name(*relation),
        kind=BlockKind(kind),
        mode=ChangeMode(mode),
        inputs=tuple(Input(_name(product, name), role) for product, name, role in inputs),
        statements=made,
        rebuild=made if rebuild is None else tuple(Statement(name, sql) for _, name, sql in rebuild),
        blocks=tuple(
            Block(name, BlockKind(kind), why, cheaper, state, tuple(key), bounded)
            for name, kind, why, cheaper, state, key, bounded in blocks
        ),
        steps=tuple(_unpack_step(*step) for step in steps),
        states=tuple(states),
        content=content,
        clocks={column: _unpack_clock(*clock) for column, clock in clocks.items()},
        settled=frozenset(settled),
        moments=tuple(_unpack_moment(*moment) for moment in moments),
    )


def _pack_step(step: Step) -> Packed:
    match step:
        case Statement(name, sql):
            return ["create", name, sql]
        case Keep(state, like):
            return ["keep", state, like]
        case Insert(state, sql):
            return ["insert", state, sql]
        case Delete(state, where):
            return ["delete", state, where]
        case Take(creates, state, where):
            return ["take", creates, state, where]
        case _:
            assert_never(step)


def _unpack_step(kind: str, *texts: str) -> Step:
    return _steps[kind](*texts)


_steps: Final[Mapping[str, Callable[..., Step]]] = {
    "create": Statement,
    "keep": Keep,
    "insert": Insert,
    "delete": Delete,
    "take": Take,
}


def _pack_moment(moment: Moment) -> Packed:
    names = [_pack_name(name) for name in sorted(moment.relations)]
    delay = moment.delay // _microsecond
    return [moment.name, names, moment.before, delay, moment.offset, moment.width, moment.times, moment.plus]


def _unpack_moment(name: str, relations: Packed, before: bool, delay: int, *arithmetic: Any) -> Moment:
    names = frozenset(_name(*relation) for relation in relations)
    return Moment(name, names, before, delay * _microsecond, *arithmetic)


def _pack_clock(clock: Clock) -> Packed:
    names = sorted(clock.relations)
    return [[_pack_name(name) for name in names], clock.delay // _microsecond, clock.closes]


def _unpack_clock(relations: Packed, delay: int, closes: bool) -> Clock:
    return Clock(frozenset(_name(*name) for name in relations), delay * _microsecond, closes)


def _pack_judgement(judgement: Judgement | None) -> Packed:
    if judgement is None:
        return None
    return [
        judgement.contract_id,
        judgement.contract_version,
        [_pack_check(check) for check in judgement.checks],
        [judgement.budget.rows, judgement.budget.percent],
        [[rule.code, rule.reason] for rule in judgement.unjudged],
        _pack_event_time(judgement.event_time),
        None if judgement.fields is None else [list(path) for path in judgement.fields],
    ]


def _unpack_judgement(packed: Packed) -> Judgement | None:
    if packed is None:
        return None
    contract_id, version, checks, (rows, percent), unjudged, event_time, fields = packed
    return Judgement(
        contract_id,
        version,
        tuple(_unpack_check(*check) for check in checks),
        Budget(rows, percent),
        tuple(Unjudged(code, reason) for code, reason in unjudged),
        _unpack_event_time(event_time),
        None if fields is None else tuple(tuple(path) for path in fields),
    )


def _pack_event_time(event_time: EventTime | None) -> Packed:
    if event_time is None:
        return None
    durations = (event_time.watermark, event_time.idle, event_time.future)
    return [event_time.column, event_time.late, *(_pack_duration(duration) for duration in durations)]


def _unpack_event_time(packed: Packed) -> EventTime | None:
    if packed is None:
        return None
    column, late, watermark, idle, future = packed
    return EventTime(column, watermark * _microsecond, late, _unpack_duration(idle), _unpack_duration(future))


def _pack_duration(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // _microsecond


def _unpack_duration(packed: int | None) -> timedelta | None:
    return None if packed is None else packed * _microsecond


def _pack_check(check: Check) -> Packed:
    match check:
        case RowCheck(code, predicate, description, doubt):
            return ["row", code, predicate, description, doubt]
        case KeyCheck(code, columns, description):
            return ["key", code, list(columns), description]
        case ReferenceCheck(code, columns, to, to_columns, description):
            return ["reference", code, list(columns), _pack_name(to), list(to_columns), description]
        case DatasetCheck():
            return [
                "dataset",
                check.code,
                check.query,
                check.operator,
                check.threshold,
                check.severity,
                check.description,
                check.measure,
                None if check.columns is None else list(check.columns),
            ]
        case _:
            assert_never(check)


def _unpack_check(kind: str, *parts: Packed) -> Check:
    match kind, parts:
        case "row", (code, predicate, description, doubt):
            return RowCheck(code, predicate, description, doubt)
        case "key", (code, columns, description):
            return KeyCheck(code, tuple(columns), description)
        case "reference", (code, columns, to, to_columns, description):
            return ReferenceCheck(code, tuple(columns), _name(*to), tuple(to_columns), description)
        case "dataset", (code, query, operator, threshold, severity, description, measure, columns):
            read = None if columns is None else tuple(columns)
            return DatasetCheck(code, query, operator, threshold, severity, description, measure, read)
        case _:
            raise ValueError(f"'{kind}' is no kind of check")


def _pack_references(references: tuple[ColumnReference, ...]) -> Packed:
    return [[reference.relation.product, reference.relation.name, reference.column] for reference in references]


def _unpack_references(packed: Packed) -> tuple[ColumnReference, ...]:
    return tuple(_reference(product, name, column) for product, name, column in packed)


def _pack_name(relation: RelationName) -> Packed:
    return [relation.product, relation.name]


@lru_cache(maxsize=65536)
def _reference(product: str, name: str, column: str) -> ColumnReference:
    return ColumnReference(_name(product, name), column)


@lru_cache(maxsize=16384)
def _name(product: str, name: str) -> RelationName:
    return RelationName(product, name)


@lru_cache(maxsize=4096)
def _type(text: str) -> DataType:
    return DataType.parse(text)
