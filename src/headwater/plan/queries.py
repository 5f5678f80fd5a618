"""The queries of one plan: read once, understood at most once.

Apart from the planner because only what the cache does not know comes here,
and with it the parser: nothing else in this room needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headwater.errors import DeclarationError, DeclarationErrors, Location
from headwater.incremental.program import ChangeMode, Program
from headwater.plan.codec import Reading
from headwater.quality.checks import Check, DatasetCheck, Judgement
from headwater.quality.metrics import CONTENT
from headwater.spec.contract import Contract
from headwater.spec.declarations import Model
from headwater.sql.analysis import Analysis, Binder
from headwater.types import RelationName, Schema, quote_identifier

if TYPE_CHECKING:
    from headwater.sql import ParsedQuery

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
        from headwater.sql import analyse

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

    def place_rules(
        self, contract: Contract, judgement: Judgement, relation: RelationName, schema: Schema
    ) -> Judgement:
        """The judgement with the queries of SQL rules guarded and resolved, as the engine runs them.

        Raises:
            DeclarationErrors: what is wrong with any of them.
        """
        places = _rule_places(contract)
        errors: list[DeclarationError] = []
        checks: list[Check] = []
        for check in judgement.checks:
            if isinstance(check, DatasetCheck) and check.measure is None:
                try:
                    checks.append(replace(check, query=self._rule_query(check, relation, schema)))
                except (DeclarationError, DeclarationErrors) as found:
                    errors.extend(_at(places.get(check.code, contract.where), check.code, found))
            else:
                checks.append(check)
        if errors:
            raise DeclarationErrors(errors)
        return replace(judgement, checks=tuple(checks))

    def _rule_query(self, check: DatasetCheck, relation: RelationName, schema: Schema) -> str:
        from headwater.sql import analyse, parse

        own = {(CONTENT,), (relation.name.casefold(),), folded((relation.product, relation.name))}

        def resolve(parts: tuple[str, ...]) -> RelationName:
            if folded(parts) in own:
                return relation
            raise DeclarationError(
                f"it reads '{'.'.join(parts)}'",
                detail="a SQL rule reads its own relation only, as ${object}",
                hint="promise the connection between two relations under 'relationships'",
            )

        parse(check.query, path="")
        found = analyse(
            f"SELECT * FROM (\n{check.query}\n) AS measured(value)",
            name=RelationName(relation.product, f"{relation.name} {check.code}"),
            resolve=resolve,
            schemas={relation: schema},
            binder=self.binder,
        )
        if len(found.schema) != 1 or not found.schema.columns[0].type.is_numeric:
            columns = ", ".join(f"{column.name} {column.type}" for column in found.schema)
            raise DeclarationError("it does not yield one number", detail=f"it yields {columns}")
        name = quote_identifier(str(relation))
        return f"WITH {name} AS (SELECT * FROM {CONTENT}) SELECT * FROM ({found.engine_sql})"

    def _parse(self, model: Model) -> ParsedQuery:
        from headwater.sql import parse

        known = self._parsed.get(model.relation)
        if known is None:
            known = parse(model.query, path=model.path, first_line=model.query_line)
            self._parsed[model.relation] = known
        return known


def _at(where: Location | None, code: str, found: DeclarationError | DeclarationErrors) -> Iterator[DeclarationError]:
    for error in found.errors if isinstance(found, DeclarationErrors) else (found,):
        yield DeclarationError(
            f"the query of the quality rule '{code}' is wrong: {error.message}",
            detail=error.detail,
            hint=error.hint,
            where=where,
        )


def _rule_places(contract: Contract) -> dict[str, Location]:
    """Where named rules stand, by the code of their check."""
    rules = [rule for part in contract.properties for rule in part.rules]
    return {
        f"rule:{rule.name}": rule.where for rule in (*rules, *contract.rules) if rule.name and rule.where is not None
    }
