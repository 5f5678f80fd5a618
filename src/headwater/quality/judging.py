"""From a judgement to the statements that split candidates into admitted and refused rows.

Apart from the compiler of rules because it knows relations and epochs and no
rules: what it computes, and in which order, is written in docs/concepts/quality.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from headwater.quality.checks import Check, DatasetCheck, Judgement, KeyCheck, ReferenceCheck, RowCheck
from headwater.quality.keys import KeyPlan, plan_keys
from headwater.quality.literals import text_literal
from headwater.quality.quarantine import malformed_part, quarantined, refused_part
from headwater.quality.times import LATE, TimeTest, Timing, event_time_of, time_tests
from headwater.relations import CONTENT, OFFSET_COLUMN, SOURCE_COLUMN, Statement, relation
from headwater.types import RelationName, Schema, quote_identifier
from headwater.values import frozen

__all__ = ["DatasetQuery", "HistoryUse", "Judging", "judge", "reads_itself"]


@frozen
class HistoryUse:
    """A ``history`` relation that the statements read. ``columns`` None means all of them."""

    relation: RelationName
    columns: tuple[str, ...] | None


@frozen
class DatasetQuery:
    """A query of one row that yields one value for each of ``checks``, in order."""

    sql: str
    checks: tuple[DatasetCheck, ...]


@frozen
class Judging:
    """How a relation's candidates are judged, in this order.

    1. ``work``: create each; small relations of conflicting keys and missing references. ``suspects`` is a query of
       one row: a number, which is 0 when step 2 would find no row, and then the greatest event time of all candidates,
       NULL where none is declared. It reads only the columns that rules speak of, and has ``bounds`` for parameters, so
       that its text is the same in every epoch. None when it would cost as much.
    2. ``rejected``: create it; its rows, in the shape of the quarantine table, are the rows
       refused (and the malformed records). None when nothing can be refused, which ``refuses`` tells. ``judges_late``:
       those with the code :data:`headwater.quality.LATE` are counted as late and not as refused.
    3. ``change``: the admitted rows with provenance columns. ``unrefused`` creates the same
       relation without a filter and may be used in its stead when ``rejected`` came out empty.
    4. ``accepted``: the rows of ``change`` without provenance columns.
    5. ``datasets``: run each after ``accepted`` exists; :func:`headwater.quality.verdict` tells what the values mean.

    ``rejected`` reads the work relation :data:`headwater.quality.RUN`. ``change`` and
    ``accepted`` may be created or merely defined. ``reads`` names the history
    relations that must exist before step 1: the relation's own holds what was
    published before this epoch, every other one all its rows after this epoch.
    """

    relation: RelationName
    work: tuple[Statement, ...]
    suspects: str | None
    change: Statement
    unrefused: Statement
    accepted: Statement
    datasets: tuple[DatasetQuery, ...]
    reads: tuple[HistoryUse, ...]
    bounds: tuple[datetime, ...] = ()
    judges_late: bool = False
    refusals: _Refusals | None = None

    @property
    def refuses(self) -> bool:
        return self.refusals is not None

    @property
    def rejected(self) -> Statement | None:
        """Made when it is asked for: its text is by far the longest, and few epochs refuse rows."""
        return None if self.refusals is None else self.refusals.statement


def judge(
    name: RelationName,
    judgement: Judgement | None,
    schema: Schema,
    *,
    history: bool,
    malformed: bool = False,
    timing: Timing | None = None,
    unless: str | None = None,
) -> Judging:
    """The statements that judge ``candidate.<name>``.

    Args:
        judgement: None for a relation without contract: every row is admitted.
        schema: the candidate's columns without the provenance columns.
        history: rows published before stay (an append epoch, and the table exists):
            keys are checked against them and they are part of the content. False for
            a replacement, a rebuild and the first epoch.
        malformed: ``malformed.<name>`` exists and its records belong to this port.
        timing: when rows are judged that have an event time; None: no row is late or ahead of the clock.
        unless: a condition, never NULL, of candidates that refer to nothing, whatever they hold.
    """
    checks: Sequence[Check] = judgement.checks if judgement else ()
    rows = [check for check in checks if isinstance(check, RowCheck)]
    references = [check for check in checks if isinstance(check, ReferenceCheck)]
    keys = [check for check in checks if isinstance(check, KeyCheck)]
    datasets = [check for check in checks if isinstance(check, DatasetCheck)]

    columns = ", ".join(quote_identifier(column.name) for column in schema)
    missing = [_Missing(name, check, number) for number, check in enumerate(references, start=1)]
    times = _times(judgement, schema, timing)
    tests = [_demands(check.code, check.predicate, check.doubt) for check in rows]
    tests += [
        _demands(test.code, test.demand, test.doubt.format(f"${number}")) for number, test in enumerate(times, start=1)
    ]
    tests += [_refers(entry, unless) for entry in missing]
    sound = " AND ".join(test.passes for test in tests) or "TRUE"
    candidate = relation("candidate", name)
    plan = plan_keys(name, keys, schema, sound=sound, history=history) if keys else None

    work = [entry.statement for entry in missing] + (list(plan.work) if plan else [])
    event_time = _event_time(judgement, schema)
    suspects = _suspects(candidate, tests, event_time) if plan is None and not malformed else None
    return Judging(
        name,
        tuple(work),
        suspects,
        _change(name, columns, sound, plan),
        Statement(relation("change", name), f"SELECT {columns}, {_provenance} FROM {candidate}"),
        Statement(relation("accepted", name), f"SELECT {columns} FROM {relation('change', name)}"),
        _dataset_queries(name, datasets, columns, history=history),
        _reads(name, references, keys, datasets, history=history),
        tuple(test.bound for test in times) if suspects is not None else (),
        any(test.code == LATE for test in times),
        _Refusals(name, judgement, schema, tests, plan, history, malformed) if tests or plan or malformed else None,
    )


_provenance: Final = f"{SOURCE_COLUMN}, {OFFSET_COLUMN}"


@frozen
class _Test:
    """A reason against a row of the candidates: ``passes`` and ``fails`` are TRUE or FALSE, never NULL.

    ``suspect`` is TRUE where ``fails`` is, else FALSE or NULL: engines take half the time for it. ``doubt`` is an
    aggregate that is TRUE where ``fails`` is for some row; None where there is none that costs less again.
    """

    code: str
    passes: str
    fails: str
    suspect: str
    doubt: str | None = None


@frozen
class _Missing:
    """The values that a reference names and that are not there: few, whatever both sides hold."""

    name: RelationName
    check: ReferenceCheck
    number: int

    @property
    def creates(self) -> str:
        return quote_identifier(f"judged.{self.name}#missing{self.number}")

    @property
    def statement(self) -> Statement:
        here = [quote_identifier(column) for column in self.check.columns]
        there = [quote_identifier(column) for column in self.check.to_columns]
        listed = ", ".join(f"c.{column} AS _hw_value{at}" for at, column in enumerate(here))
        complete = " AND ".join(f"c.{column} IS NOT NULL" for column in here)
        same = " AND ".join(f"h.{to} = c.{column}" for column, to in zip(here, there, strict=True))
        return Statement(
            self.creates,
            f"SELECT DISTINCT {listed} FROM {relation('candidate', self.name)} AS c WHERE {complete} "
            f"AND NOT EXISTS (SELECT 1 FROM {relation('history', self.check.to)} AS h WHERE {same})",
        )

    @property
    def hit(self) -> str:
        same = " AND ".join(
            f"m._hw_value{at} = c.{quote_identifier(column)}" for at, column in enumerate(self.check.columns)
        )
        return f"EXISTS (SELECT 1 FROM {self.creates} AS m WHERE {same})"


def _demands(code: str, predicate: str, doubt: str | None) -> _Test:
    """A predicate that must not be FALSE."""
    return _Test(code, f"coalesce({predicate}, TRUE)", f"NOT coalesce({predicate}, TRUE)", f"NOT ({predicate})", doubt)


def _refers(entry: _Missing, unless: str | None) -> _Test:
    code = entry.check.code
    if unless is None:
        return _Test(code, f"NOT {entry.hit}", entry.hit, entry.hit)
    fails = f"(NOT {unless} AND {entry.hit})"
    return _Test(code, f"({unless} OR NOT {entry.hit})", fails, fails)


def _suspects(candidate: str, tests: Sequence[_Test], event_time: str | None) -> str | None:
    if not tests:
        return None
    one_by_one = " OR ".join(test.suspect for test in tests if test.doubt is None)
    together = " OR ".join(test.doubt for test in tests if test.doubt is not None)
    if event_time is None and not together:
        return f"SELECT count(*), NULL FROM {candidate} AS c WHERE {one_by_one}"
    counted = f"count_if({one_by_one})" if one_by_one else "0"
    number = f"{counted} + CASE WHEN {together} THEN 1 ELSE 0 END" if together else counted
    if event_time is None:
        return f"SELECT {number}, NULL FROM {candidate} AS c"
    found = f"SELECT {number} AS number, max({event_time}) AS newest FROM {candidate} AS c"
    return f"SELECT number, CASE WHEN number = 0 THEN newest END FROM ({found})"


def _change(name: RelationName, columns: str, sound: str, plan: KeyPlan | None) -> Statement:
    candidate = relation("candidate", name)
    admitted = f"SELECT {columns}, {_provenance} FROM {candidate} AS c WHERE {sound}"
    if plan is not None:
        admitted += (
            f" AND {plan.uncontested} UNION ALL SELECT {columns}, {_provenance} FROM {plan.judged} "
            "WHERE len(_hw_codes) = 0"
        )
    return Statement(relation("change", name), admitted)


def _times(judgement: Judgement | None, schema: Schema, timing: Timing | None) -> list[TimeTest]:
    declared = judgement.event_time if judgement else None
    column = schema.get(declared.column) if declared else None
    return time_tests(declared, column, timing) if timing and declared and column else []


def _event_time(judgement: Judgement | None, schema: Schema) -> str | None:
    declared = judgement.event_time if judgement else None
    column = schema.get(declared.column) if declared else None
    return None if column is None else event_time_of(column, "c")


@frozen
class _Refusals:
    """What the statement of refused rows is made of."""

    name: RelationName
    judgement: Judgement | None
    schema: Schema
    tests: Sequence[_Test]
    plan: KeyPlan | None
    history: bool
    malformed: bool

    @property
    def statement(self) -> Statement:
        parts = []
        if self.tests:
            parts.append(self._failing())
        if self.plan is not None:
            parts.append(refused_part(self.schema, "_hw_codes", f"{self.plan.judged} WHERE len(_hw_codes) > 0"))
        if self.malformed:
            parts.append(malformed_part(self.name))
        version = self.judgement.contract_version if self.judgement else ""
        query = quarantined(self.name, version, parts, epoch_in_id=self.history)
        return Statement(relation("rejected", self.name), query)

    def _failing(self) -> str:
        judgement, tests = self.judgement, self.tests
        listed = ", ".join(f"CASE WHEN {test.fails} THEN {text_literal(test.code)} END" for test in tests)
        codes = f"list_filter([{listed}], lambda _hw_code: _hw_code IS NOT NULL)"
        failing = " OR ".join(test.fails for test in tests)
        late = next((test.fails for test in tests if test.code == LATE), None)
        drops = judgement is not None and judgement.event_time is not None and judgement.event_time.late == "drop"
        source = f"{relation('candidate', self.name)} AS c WHERE {failing}"
        return refused_part(self.schema, codes, source, without=late if drops else None)


def _dataset_queries(
    name: RelationName, checks: Sequence[DatasetCheck], columns: str, *, history: bool
) -> tuple[DatasetQuery, ...]:
    content = f"SELECT {columns} FROM {relation('accepted', name)}"
    if history:
        content = f"SELECT {columns} FROM {relation('history', name)} UNION ALL {content}"
    measured = [check for check in checks if check.measure is not None]
    queries = []
    if measured:
        measures = ", ".join(str(check.measure) for check in measured)
        queries.append(DatasetQuery(f"WITH {CONTENT} AS ({content}) SELECT {measures} FROM {CONTENT}", tuple(measured)))
    queries += [
        DatasetQuery(f"WITH {CONTENT} AS ({content}) SELECT ({check.query})", (check,))
        for check in checks
        if check.measure is None
    ]
    return tuple(queries)


def reads_itself(judgement: Judgement | None) -> bool:
    """Whether rows are judged by what was admitted of their relation in earlier epochs."""
    return judgement is not None and any(isinstance(check, KeyCheck | DatasetCheck) for check in judgement.checks)


def _reads(
    name: RelationName,
    references: Sequence[ReferenceCheck],
    keys: Sequence[KeyCheck],
    datasets: Sequence[DatasetCheck],
    *,
    history: bool,
) -> tuple[HistoryUse, ...]:
    used: dict[RelationName, tuple[str, ...] | None] = {}
    for reference in references:
        used[reference.to] = tuple(dict.fromkeys((*(used.get(reference.to) or ()), *reference.to_columns)))
    if history and (keys or datasets):
        needed: list[str] = [column for key in keys for column in key.columns]
        for check in datasets:
            if check.columns is None:
                used[name] = None
                break
            needed += check.columns
        else:
            used[name] = tuple(dict.fromkeys(needed))
    return tuple(HistoryUse(relation, columns) for relation, columns in used.items())
