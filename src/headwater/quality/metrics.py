"""From ODCS library metrics and SQL rules to checks on the whole content.

Apart from row checks because a metric speaks of a number about all rows: it
never refuses one row, it blocks publication or is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from headwater.errors import DeclarationError, DeclarationErrors, did_you_mean
from headwater.quality.checks import DatasetCheck, Unjudged
from headwater.quality.literals import LiteralError, text_literal
from headwater.quality.options import OptionError, enumeration, matches
from headwater.quality.rows import Found
from headwater.quality.verdicts import operators, threshold_error
from headwater.relations import CONTENT
from headwater.spec.contract import QualityRule
from headwater.types import Column, Json, RelationName, Schema, quote_identifier

__all__ = ["metric_checks"]


class _RuleError(ValueError):
    """The rule cannot be evaluated. ``hint`` lists what would work."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def metric_checks(
    rules: Sequence[QualityRule], relation: RelationName, schema: Schema, column: Column | None
) -> Iterator[Found]:
    """The checks of a ``quality`` list, of a property (``column``) or of the whole relation (None)."""
    subject = column.name if column else None
    for position, rule in enumerate(rules, start=1):
        code = _code(rule, subject, position)
        match rule.type:
            case "text":
                yield Unjudged(code, "text rules are read by people")
            case "custom":
                engine = rule.arguments.get("engine") or "another engine"
                yield Unjudged(code, f"the rule is written for {engine}")
            case "library" | "sql":
                yield _judged(rule, code, relation, schema, column)


def _code(rule: QualityRule, subject: str | None, position: int) -> str:
    if rule.name:
        return f"rule:{rule.name}"
    what = rule.metric if rule.type == "library" and rule.metric else rule.type
    return f"{what}:{subject or position}"


def _judged(rule: QualityRule, code: str, relation: RelationName, schema: Schema, column: Column | None) -> Found:
    try:
        operator, threshold = _comparison(rule)
        if rule.type == "sql":
            return DatasetCheck(
                code,
                _query(rule, relation, column),
                operator,
                threshold,
                rule.severity,
                rule.description or rule.name or code,
            )
        measure, subject, columns = _measure(rule, schema, column)
        query = f"SELECT {measure} FROM {CONTENT}"
        unit = " in percent" if rule.unit == "percent" else ""
        description = rule.description or rule.name or f"{subject}{unit}"
        return DatasetCheck(code, query, operator, threshold, rule.severity, description, measure, columns)
    except (_RuleError, OptionError, LiteralError) as error:
        hint = error.hint if isinstance(error, _RuleError) else None
        return DeclarationError(
            f"the quality rule '{code}' cannot be evaluated", detail=str(error), hint=hint, where=rule.where
        )


def _comparison(rule: QualityRule) -> tuple[str, Json]:
    if rule.operator is None:
        raise _RuleError("it compares with nothing", f"add one of {', '.join(operators)}")
    if rule.operator not in operators:
        raise _RuleError(f"'{rule.operator}' is not an operator", did_you_mean(rule.operator, operators))
    problem = threshold_error(rule.operator, rule.threshold)
    if problem:
        raise _RuleError(problem)
    return rule.operator, rule.threshold


def _query(rule: QualityRule, relation: RelationName, column: Column | None) -> str:
    """The rule's query as engine text over :data:`CONTENT`, written anew from what was parsed and allowed."""
    from headwater.sql.language import check_rule_query

    if not rule.query:
        raise _RuleError("it has no query")

    try:
        return check_rule_query(rule.query, relation=relation, path="", column=column.name if column else None)
    except DeclarationErrors as errors:
        raise _RuleError("; ".join(error.message for error in errors.errors), errors.errors[0].hint) from None
    except DeclarationError as error:
        raise _RuleError(error.message, error.hint) from None


def _measure(rule: QualityRule, schema: Schema, column: Column | None) -> tuple[str, str, tuple[str, ...]]:
    """The aggregate expression, what it counts in words, and the columns it reads."""
    match rule.metric:
        case "rowCount":
            if rule.unit == "percent":
                raise _RuleError("a number of rows is not a percentage of itself", "remove 'unit: percent'")
            return "count(*)", "the number of rows", ()
        case "duplicateValues":
            return _duplicates(rule, schema, column)
        case "nullValues" | "missingValues" | "invalidValues":
            if column is None:
                raise _RuleError(f"{rule.metric} is about one property", "move it to the property's own quality list")
            counted = _counters[rule.metric](rule.arguments, column)
            number = f"count(*) FILTER ({counted})"
            return _in_unit(rule, number), f"{rule.metric} of {column.name}", (column.name,)
        case other:
            known = ("rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues")
            raise _RuleError(f"'{other}' is not a metric of ODCS", did_you_mean(str(other), known))


def _in_unit(rule: QualityRule, number: str) -> str:
    if rule.unit == "percent":
        return f"coalesce(100.0 * {number} / nullif(count(*), 0), 0)"
    return number


def _duplicates(rule: QualityRule, schema: Schema, column: Column | None) -> tuple[str, str, tuple[str, ...]]:
    names = [column.name] if column else _names(rule.arguments.get("properties"))
    columns = []
    for name in names:
        found = schema.get(name)
        if found is None:
            raise _RuleError(f"there is no column '{name}'", did_you_mean(name, schema.names))
        columns.append(found.name)
    quoted = [quote_identifier(name) for name in columns]
    complete = " AND ".join(f"{name} IS NOT NULL" for name in quoted)
    value = quoted[0] if len(quoted) == 1 else f"({', '.join(quoted)})"
    number = f"(count(*) FILTER ({complete}) - count(DISTINCT {value}) FILTER ({complete}))"
    return _in_unit(rule, number), f"duplicateValues of {', '.join(columns)}", tuple(columns)


def _names(argument: Json) -> list[str]:
    if not isinstance(argument, list) or not argument:
        raise _RuleError("it does not say which properties", "add 'arguments: {properties: [...]}'")
    return [str(name) for name in argument]


def _null(_: Mapping[str, Json], column: Column) -> str:
    return f"{quote_identifier(column.name)} IS NULL"


def _missing(arguments: Mapping[str, Json], column: Column) -> str:
    listed = arguments.get("missingValues", [None, ""])
    if not isinstance(listed, list) or not listed:
        raise _RuleError("'missingValues' is not a list of values")
    name = quote_identifier(column.name)
    tests = [f"{name} IS NULL"] if None in listed else []
    texts = [text_literal(str(value)) for value in listed if value is not None]
    if texts:
        tests.append(f"CAST({name} AS VARCHAR) IN ({', '.join(texts)})")
    return " OR ".join(tests)


def _invalid(arguments: Mapping[str, Json], column: Column) -> str:
    name = quote_identifier(column.name)
    tests = []
    valid = arguments.get("validValues")
    if valid is not None:
        if not isinstance(valid, list) or not valid:
            raise _RuleError("'validValues' is not a list of values")
        tests.append(enumeration(tuple(valid), name, column.type).predicate)
    if arguments.get("pattern") is not None:
        tests.append(matches(arguments["pattern"], name, column.type).predicate)
    if not tests:
        raise _RuleError("it does not say which values are valid", "add 'validValues' or 'pattern' to its arguments")
    return f"NOT ({' AND '.join(tests)})"


_counters: Final = {"nullValues": _null, "missingValues": _missing, "invalidValues": _invalid}
