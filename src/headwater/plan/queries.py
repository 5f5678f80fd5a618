"""The queries of one plan: read once, understood at most once.

Apart from the planner because only what the cache does not know comes here,
and with it the parser: nothing else in this room needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headwater.errors import DeclarationError, Location
from headwater.incremental.program import ChangeMode, Program
from headwater.plan.codec import Reading
from headwater.quality.checks import DatasetCheck, Judgement
from headwater.quality.metrics import CONTENT
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
        modes: Mapping[RelationName, ChangeMode],
    ) -> tuple[Analysis, Program]:
        """Analyse and compile a model.

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
        )
        try:
            program = compile_program(model.relation, analysis, modes)
        except DeclarationError as error:
            where = error.where or Location(model.path, model.query_line)
            raise DeclarationError(error.message, detail=error.detail, hint=error.hint, where=where) from error
        self._parsed.pop(model.relation, None)
        return analysis, program

    def check_rules(self, contract: Contract, judgement: Judgement, schema: Schema) -> Iterator[DeclarationError]:
        """What the engine refuses of the queries that SQL rules hold: each yields one number over the content."""
        places = _rule_places(contract)
        for check in judgement.checks:
            if isinstance(check, DatasetCheck) and check.measure is None:
                detail = self._rule_problem(check.query, schema)
                if detail is not None:
                    yield DeclarationError(
                        f"the quality rule '{check.code}' cannot be evaluated",
                        detail=detail,
                        where=places.get(check.code, contract.where),
                    )

    def _rule_problem(self, query: str, schema: Schema) -> str | None:
        try:
            found = self.binder(f"SELECT * FROM ({query}) AS measured", {CONTENT: schema})
        except DeclarationError as error:
            return f"{error.message}: {error.detail}" if error.detail else error.message
        if len(found) != 1 or not found.columns[0].type.is_numeric:
            columns = ", ".join(f"{column.name} {column.type}" for column in found)
            return f"it must yield one number and yields {columns}"
        return None

    def _parse(self, model: Model) -> ParsedQuery:
        from headwater.sql.language import parse

        known = self._parsed.get(model.relation)
        if known is None:
            known = parse(model.query, path=model.path, first_line=model.query_line)
            self._parsed[model.relation] = known
        return known


def _rule_places(contract: Contract) -> dict[str, Location]:
    """Where named rules stand, by the code of their check."""
    rules = [rule for part in contract.properties for rule in part.rules]
    return {
        f"rule:{rule.name}": rule.where for rule in (*rules, *contract.rules) if rule.name and rule.where is not None
    }
