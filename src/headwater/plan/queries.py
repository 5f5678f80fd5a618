"""The queries of one plan: read once, understood at most once.

Apart from the planner because only what the cache does not know comes here,
and with it the parser: nothing else in this room needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headwater.errors import DeclarationError, DeclarationErrors, Location
from headwater.incremental.program import ChangeMode, Program
from headwater.plan.codec import Reading
from headwater.quality.checks import DatasetCheck, Judgement
from headwater.spec.contract import Contract
from headwater.spec.declarations import Model
from headwater.sql.analysis import Analysis, Binder
from headwater.types import RelationName, Schema

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

    def check_rules(
        self, contract: Contract, judgement: Judgement, relation: RelationName, schema: Schema
    ) -> Iterator[DeclarationError]:
        """What is wrong with the queries that a contract's SQL rules hold."""
        places = _rule_places(contract)
        for check in judgement.checks:
            if isinstance(check, DatasetCheck) and check.measure is None:
                where = places.get(check.code, contract.where)
                for error in self._rule_errors(check, relation, schema):
                    yield DeclarationError(
                        f"the query of the quality rule '{check.code}' is wrong: {error.message}",
                        detail=error.detail,
                        hint=error.hint,
                        where=where,
                    )

    def _rule_errors(self, check: DatasetCheck, relation: RelationName, schema: Schema) -> tuple[DeclarationError, ...]:
        from headwater.sql import analyse, parse

        def resolve(parts: tuple[str, ...]) -> RelationName:
            if folded(parts) in {("content",), (relation.name.casefold(),), folded((relation.product, relation.name))}:
                return relation
            raise DeclarationError(
                f"it reads '{'.'.join(parts)}'",
                detail="a SQL rule reads its own relation only, as ${object}",
                hint="promise the connection between two relations under 'relationships'",
            )

        rule = RelationName(relation.product, f"{relation.name} {check.code}")
        named = f"SELECT * FROM (\n{check.query}\n) AS measured(value)"
        try:
            parse(check.query, path="")
            found = analyse(named, name=rule, resolve=resolve, schemas={relation: schema}, binder=self.binder)
        except DeclarationErrors as errors:
            return errors.errors
        except DeclarationError as error:
            return (error,)
        if len(found.schema) != 1 or not found.schema.columns[0].type.is_numeric:
            columns = ", ".join(f"{column.name} {column.type}" for column in found.schema)
            return (DeclarationError("it does not yield one number", detail=f"it yields {columns}"),)
        return ()

    def _parse(self, model: Model) -> ParsedQuery:
        from headwater.sql import parse

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
