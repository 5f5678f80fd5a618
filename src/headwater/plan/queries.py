"""The queries of one plan: read once, understood at most once.

Apart from the planner because only what the cache does not know comes here,
and with it the parser: nothing else in this room needs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headwater.errors import DeclarationError, Location
from headwater.incremental.program import Given, Program
from headwater.plan.codec import Reading
from headwater.quality.checks import Check, DatasetCheck, Judgement, RowCheck
from headwater.relations import CONTENT
from headwater.spec.contract import Contract
from headwater.spec.declarations import Model
from headwater.sql.analysis import Analysis, Binder
from headwater.types import RelationName, Schema

if TYPE_CHECKING:
    from headwater.sql.language import ParsedQuery

__all__ = ["Meanings", "Queries", "folded"]

Meanings = Mapping[tuple[str, ...], RelationName]
"""What names in a query mean, by their folded parts."""


def folded(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Parts of a name as they are compared."""
    return tuple(part.casefold() for part in parts)


@dataclass(slots=True)
class Queries:
    """Parsed queries are kept between finding the names in them and understanding them."""

    binder: Binder
    _parsed: dict[RelationName, ParsedQuery] = field(default_factory=dict)

    def read_names(self, model: Model) -> tuple[Reading, ...]:
        """The relations that a query names.

        Raises:
            DeclarationError, DeclarationErrors: it is not one permitted query.
        """
        parsed = self._parse(model)
        return tuple(
            Reading(reference.parts, (reference.where.line or 0) - model.query_line, reference.where.column or 1)
            for reference in parsed.references
        )

    def understand(
        self,
        model: Model,
        meanings: Meanings,
        schemas: Mapping[RelationName, Schema],
        given: Mapping[RelationName, Given],
        *,
        stored: bool,
    ) -> tuple[Analysis, Program]:
        """Analyse and compile a model, which is ``stored`` unless it is a view.

        Raises:
            DeclarationError, DeclarationErrors: the query is wrong.
        """
        from headwater.incremental.compiler import compile_program
        from headwater.sql.language import analyse

        parsed = self._parse(model)
        analysis = analyse(
            parsed,
            name=model.relation,
            resolve=lambda parts: meanings[folded(parts)],
            schemas=schemas,
            binder=self.binder,
            event_times={read: time for read, known in given.items() if (time := known.event_time(read)) is not None},
        )
        try:
            program = compile_program(
                model.relation, analysis, given, schemas=schemas, binder=self.binder, stored=stored
            )
        except DeclarationError as error:
            where = error.where or Location(model.path, model.query_line)
            raise DeclarationError(error.message, detail=error.detail, hint=error.hint, where=where) from error
        self._parsed.pop(model.relation, None)
        return analysis, program

    def check_rules(self, contract: Contract, judgement: Judgement, schema: Schema) -> Iterator[DeclarationError]:
        """What the engine refuses of the SQL that checks hold, so that no run is the first to find it."""
        problems: list[tuple[str, str | None]] = [
            (check.code, self._rule_problem(check.query, schema))
            for check in judgement.checks
            if isinstance(check, DatasetCheck) and check.measure is None
        ]
        probes = [(check.code, probe) for check in judgement.checks if (probe := _probe(check)) is not None]
        if probes and self._refusal(f"SELECT {', '.join(f'({probe})' for _, probe in probes)}", schema):
            problems += [(code, self._refusal(probe, schema)) for code, probe in probes]
        for code, detail in problems:
            if detail is not None:
                yield DeclarationError(
                    f"the quality rule '{code}' cannot be evaluated", detail=detail, where=_rule_place(contract, code)
                )

    def with_fields(self, judgement: Judgement, schema: Schema) -> Judgement:
        """A judgement that knows which fields its row checks look at."""
        from headwater.sql.language import expression_fields

        tests = [check.predicate for check in judgement.checks if isinstance(check, RowCheck)]
        return replace(judgement, fields=tuple(sorted(expression_fields(tests, schema))))

    def _rule_problem(self, query: str, schema: Schema) -> str | None:
        """What is wrong with a query that is to yield one number over the content."""
        try:
            found = self.binder(f"SELECT * FROM ({query}) AS measured", {CONTENT: schema})
        except DeclarationError as error:
            return _told(error)
        if len(found) != 1 or not found.columns[0].type.is_numeric:
            columns = ", ".join(f"{column.name} {column.type}" for column in found)
            return f"it must yield one number and yields {columns}"
        return None

    def _refusal(self, query: str, schema: Schema) -> str | None:
        try:
            self.binder(query, {CONTENT: schema})
        except DeclarationError as error:
            return _told(error)
        return None

    def _parse(self, model: Model) -> ParsedQuery:
        from headwater.sql.language import parse

        known = self._parsed.get(model.relation)
        if known is None:
            known = parse(model.query, path=model.path, first_line=model.query_line)
            self._parsed[model.relation] = known
        return known


def _told(error: DeclarationError) -> str:
    return f"{error.message}: {error.detail}" if error.detail else error.message


def _probe(check: Check) -> str | None:
    """A query that the engine refuses when it refuses the check's expression; None for a check without one."""
    match check:
        case RowCheck(predicate=expression) | DatasetCheck(measure=str(expression)):
            return f"SELECT {expression} FROM {CONTENT}"
        case _:
            return None


def _rule_place(contract: Contract, code: str) -> Location | None:
    """Where the rule behind a check's code stands: a named one itself, another one's property."""
    rules = (*(rule for part in contract.properties for rule in part.rules), *contract.rules)
    subject = code.partition(":")[2]
    for rule in rules:
        if rule.name and code == f"rule:{rule.name}":
            return rule.where
    for part in contract.properties:
        if re.match(rf"{re.escape(part.name)}(?!\w)", subject, re.IGNORECASE):
            return part.where
    return contract.where
