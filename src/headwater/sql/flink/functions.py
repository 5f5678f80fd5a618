"""DuckDB's functions in Flink's words: a table of names, and rules for those that differ in more than the name.

Apart from the walk over the tree because this is the part that grows. A
function that stands nowhere here has no equal in Flink, and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlglot import exp

from headwater.sql.flink.formats import date_format
from headwater.sql.flink.types import data_type

__all__ = ["Untranslatable", "differing", "most_arguments", "names", "rules"]


class Untranslatable(ValueError):
    """Flink has no equal for a construct; ``str(error)`` says what to do."""


def _same(text: str) -> dict[str, str]:
    return {name: name.upper() for name in text.split()}


names: Final[dict[str, str]] = {
    **_same("""
        abs acos asin atan atan2 ascii ceil char_length character_length chr coalesce concat_ws cos cosh
        cot count degrees dense_rank exp first_value floor ifnull lag last_value lead left ln log10
        log2 lower lpad ltrim max md5 min mod ntile nullif overlay pi power percent_rank cume_dist radians rank
        regexp_extract repeat replace reverse right round row_number rpad rtrim sha1 sha256 sign sin sinh sqrt
        substring sum tan tanh trim upper year quarter month hour minute
        second listagg instr translate map_keys map_values map_entries cardinality array_distinct array_contains
        array_position array_sort array_concat array_reverse array_append array_prepend array_agg to_base64
        from_base64 json_exists if
    """),
    "ceiling": "CEIL",
    "pow": "POWER",
    "substr": "SUBSTRING",
    "ucase": "UPPER",
    "lcase": "LOWER",
    "length": "CHAR_LENGTH",
    "ends_with": "ENDSWITH",
    "suffix": "ENDSWITH",
    "starts_with": "STARTSWITH",
    "prefix": "STARTSWITH",
    "regexp_matches": "REGEXP",
    "string_agg": "LISTAGG",
    "group_concat": "LISTAGG",
    "list": "ARRAY_AGG",
    "any_value": "FIRST_VALUE",
    "arbitrary": "FIRST_VALUE",
    "quantile_cont": "PERCENTILE",
    "percentile_cont": "PERCENTILE",
    "len": "CARDINALITY",
    "array_length": "CARDINALITY",
    "list_contains": "ARRAY_CONTAINS",
    "list_has": "ARRAY_CONTAINS",
    "array_has": "ARRAY_CONTAINS",
    "list_distinct": "ARRAY_DISTINCT",
    "list_concat": "ARRAY_CONCAT",
    "list_cat": "ARRAY_CONCAT",
    "list_position": "ARRAY_POSITION",
    "list_append": "ARRAY_APPEND",
    "list_reverse": "ARRAY_REVERSE",
    "list_max": "ARRAY_MAX",
    "list_min": "ARRAY_MIN",
    "list_sort": "ARRAY_SORT",
    "list_slice": "ARRAY_SLICE",
    "array_slice": "ARRAY_SLICE",
    "array_to_string": "ARRAY_JOIN",
    "map_from_entries": "MAP_FROM_ENTRIES",
    "weekofyear": "WEEK",
    "week": "WEEK",
    "dayofyear": "DAYOFYEAR",
    "dayofmonth": "DAYOFMONTH",
    "day": "DAYOFMONTH",
    "json_extract_string": "JSON_VALUE",
    "json_value": "JSON_VALUE",
    "json_extract": "JSON_QUERY",
    "try_strptime": "TO_TIMESTAMP",
}
"""Functions that take the same arguments in both."""

Rule = Callable[[list[exp.Expr]], exp.Expr]


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _unit(node: exp.Expr) -> exp.Var:
    if not isinstance(node, exp.Literal | exp.Var):
        raise Untranslatable("the unit must be written out, for example 'hour'")
    return exp.Var(this=node.name.upper().rstrip("S"))


def _trunc(arguments: list[exp.Expr]) -> exp.Expr:
    unit, value = arguments
    if _unit(unit).name == "WEEK":
        raise Untranslatable("weeks of Flink may begin on another day: use TUMBLE with INTERVAL 7 DAYS")
    return exp.Floor(this=value, to=_unit(unit))


def _part(arguments: list[exp.Expr]) -> exp.Expr:
    unit, value = arguments
    return exp.Extract(this=_unit(unit), expression=value)


def _boundaries(arguments: list[exp.Expr]) -> exp.Expr:
    """``date_diff`` counts boundaries between two times, TIMESTAMPDIFF whole units: cut both first."""
    unit, start, end = arguments
    cut = [exp.Floor(this=value, to=_unit(unit)) for value in (start, end)]
    return _call("TIMESTAMPDIFF", _unit(unit), *cut)


def _whole_units(arguments: list[exp.Expr]) -> exp.Expr:
    unit, start, end = arguments
    return _call("TIMESTAMPDIFF", _unit(unit), start, end)


def _epoch(arguments: list[exp.Expr]) -> exp.Expr:
    origin = exp.Cast(this=exp.Literal.string("1970-01-01 00:00:00"), to=data_type("TIMESTAMP(3)"))
    return _call("TIMESTAMPDIFF", exp.Var(this="SECOND"), origin, arguments[0])


def _weekday(arguments: list[exp.Expr]) -> exp.Expr:
    """Sunday is 0 here and 1 in Flink."""
    return exp.Paren(this=exp.Sub(this=_call("DAYOFWEEK", arguments[0]), expression=exp.Literal.number(1)))


def _formatted(arguments: list[exp.Expr]) -> exp.Expr:
    value, pattern = arguments
    return _call("DATE_FORMAT", value, _pattern(pattern))


def _parsed(arguments: list[exp.Expr]) -> exp.Expr:
    value, pattern = arguments
    return _call("TO_TIMESTAMP", value, _pattern(pattern))


def _pattern(node: exp.Expr) -> exp.Expr:
    if not node.is_string:
        raise Untranslatable("the format must be written out as a string")
    return exp.Literal.string(date_format(node.name))


def _counted(arguments: list[exp.Expr]) -> exp.Expr:
    return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=arguments[0]))


def _median(arguments: list[exp.Expr]) -> exp.Expr:
    return _call("PERCENTILE", arguments[0], exp.Literal.number("0.5"))


def _split_part(arguments: list[exp.Expr]) -> exp.Expr:
    """Parts are counted from 1 here, from 0 in Flink."""
    text, separator, number = arguments
    if not (isinstance(number, exp.Literal) and number.is_int):
        raise Untranslatable("the number of the part must be written out")
    return _call("SPLIT_INDEX", text, separator, exp.Literal.number(int(number.name) - 1))


def _replaced(arguments: list[exp.Expr]) -> exp.Expr:
    if len(arguments) < 4 or "g" not in arguments[3].name:
        raise Untranslatable("Flink replaces every match: add the option 'g'")
    return _call("REGEXP_REPLACE", *arguments[:3])


def _located(arguments: list[exp.Expr]) -> exp.Expr:
    text, sought = arguments
    return _call("LOCATE", sought, text)


def _contained(arguments: list[exp.Expr]) -> exp.Expr:
    return exp.GT(this=_located(arguments), expression=exp.Literal.number(0))


def _prepended(arguments: list[exp.Expr]) -> exp.Expr:
    element, values = arguments
    return _call("ARRAY_PREPEND", values, element)


def _from_epoch(arguments: list[exp.Expr]) -> exp.Expr:
    return _call("TO_TIMESTAMP_LTZ", arguments[0], exp.Literal.number(0))


def _of_double(name: str) -> Rule:
    """Flink's averages have the type of their argument: of integers they would be integers."""

    def rule(arguments: list[exp.Expr]) -> exp.Expr:
        (value,) = arguments
        inner = value.expressions[0] if isinstance(value, exp.Distinct) else value
        double = exp.Cast(this=inner, to=data_type("DOUBLE"))
        return _call(name, exp.Distinct(expressions=[double]) if isinstance(value, exp.Distinct) else double)

    return rule


def _joined(arguments: list[exp.Expr]) -> exp.Expr:
    """Flink's CONCAT is NULL when one argument is, CONCAT_WS leaves it out."""
    return _call("CONCAT_WS", exp.Literal.string(""), *arguments)


def _distinct_count(arguments: list[exp.Expr]) -> exp.Expr:
    return exp.Count(this=exp.Distinct(expressions=arguments[:1]))


rules: Final[dict[str, Rule]] = {
    **{name: _of_double(name.upper()) for name in ("avg", "stddev_pop", "stddev_samp", "var_pop", "var_samp")},
    "mean": _of_double("AVG"),
    "stddev": _of_double("STDDEV_SAMP"),
    "variance": _of_double("VAR_SAMP"),
    "concat": _joined,
    "date_trunc": _trunc,
    "datetrunc": _trunc,
    "date_part": _part,
    "datepart": _part,
    "date_diff": _boundaries,
    "datediff": _boundaries,
    "date_sub": _whole_units,
    "datesub": _whole_units,
    "epoch": _epoch,
    "dayofweek": _weekday,
    "weekday": _weekday,
    "strftime": _formatted,
    "strptime": _parsed,
    "count_if": _counted,
    "countif": _counted,
    "median": _median,
    "split_part": _split_part,
    "regexp_replace": _replaced,
    "strpos": _located,
    "contains": _contained,
    "list_prepend": _prepended,
    "to_timestamp": _from_epoch,
    "approx_count_distinct": _distinct_count,
}
"""Functions whose arguments or meaning differ; a rule gets translated arguments."""

most_arguments: Final = {
    "regexp_matches": 2,
    "regexp_extract": 3,
    "list_sort": 1,
    "array_sort": 1,
    "max": 1,
    "min": 1,
    "json_extract": 2,
    "json_extract_string": 2,
    "trim": 1,
    "ltrim": 1,
    "rtrim": 1,
}
"""Functions of which Flink has no longer form."""

differing: Final = {
    "first": "it leaves NULL out: use any_value, or row_number() = 1",
    "last": "it leaves NULL out: use row_number() = 1 in descending order",
    "greatest": "it is NULL when one argument is: write CASE",
    "least": "it is NULL when one argument is: write CASE",
}
"""Functions that Flink has under the same name with another meaning."""
