"""A query of the authoring dialect as Flink SQL.

Apart from the tables of names and types because this is the walk that applies
them. Flink maintains a query itself, so it gets the query and no program.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater.errors import DeclarationError
from headwater.sql.dialect import SESSION_KEYS, window_arguments
from headwater.sql.flink.dialect import FlinkDialect
from headwater.sql.flink.functions import Untranslatable, differing, most_arguments, names, rules
from headwater.sql.flink.structure import restructure
from headwater.sql.flink.types import data_type, flink_type, quoted
from headwater.sql.guard import function_name
from headwater.sql.intervals import interval_length
from headwater.sql.normalise import normalise
from headwater.sql.parse import dialect, parse_query
from headwater.sql.text import QueryText, position
from headwater.sql.windows import window_call
from headwater.types import DataType

__all__ = ["to_flink"]

_dialect: Final = FlinkDialect()


def to_flink(query: str, *, path: str = "query", first_line: int = 1) -> str:
    """The query as Flink SQL; best given an analysis's ``canonical`` text, in which stars and names are resolved.

    Raises:
        DeclarationError: Flink has no equal for something in it, located.
    """
    text = QueryText(query, path, first_line)
    tree = parse_query(text)
    normalise(tree.walk())
    at: exp.Expr = tree
    try:
        tree_in_clauses = restructure(tree)
        for node in reversed(list(tree_in_clauses.walk(bfs=False))):
            at = node
            translated = _translated(node)
            if translated is not node:
                node.replace(translated)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise DeclarationError(
            "the query has no equal in Flink SQL", detail=str(error), where=text.location(position(at))
        ) from error
    try:
        return _dialect.generate(tree_in_clauses, copy=False, identify=True, comments=False)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise DeclarationError("the query has no equal in Flink SQL", where=text.location(0)) from error


def _translated(node: exp.Expr) -> exp.Expr:
    """One node in Flink's words; its children are translated already."""
    match node:
        case exp.Table() if window_call(node) is not None:
            found = _window(node)
        case exp.Version():
            node.set("this", "SYSTEM_TIME")
            found = node
        case exp.Ordered() if node.find_ancestor(exp.MatchRecognize):
            node.set("nulls_first", not node.args.get("desc"))
            found = node
        case exp.Interval():
            found = _interval(node)
        case exp.DataType() if node.find_ancestor(exp.DataType) is None:
            found = data_type(flink_type(DataType.parse(node.sql(dialect))))
        case exp.Array():
            found = exp.Var(this=f"ARRAY[{', '.join(_text(item) for item in node.expressions)}]")
        case exp.ToMap():
            found = _map(node)
        case exp.Func() | exp.Anonymous():
            found = _function(node)
        case _:
            found = _operator(node)
    return found


def _operator(node: exp.Expr) -> exp.Expr:
    _refuse(node)
    found = node
    match node:
        case exp.Div():
            node.set("this", exp.Cast(this=node.this, to=data_type("DOUBLE")))
            node.set("typed", True)
        case exp.IntDiv():
            both = [exp.Cast(this=side, to=data_type("BIGINT")) for side in (node.this, node.expression)]
            found = exp.Div(this=both[0], expression=both[1], typed=True)
        case exp.Mod():
            sides = [side.unnest() for side in (node.this, node.expression)]
            found = exp.Anonymous(this="MOD", expressions=sides)
        case exp.ILike():
            sides = [exp.Anonymous(this="LOWER", expressions=[side]) for side in (node.this, node.expression)]
            like = exp.Like(this=sides[0], expression=sides[1])
            found = exp.Not(this=like) if node.args.get("negate") else like
        case exp.IgnoreNulls():
            found = node.this
    return found


def _refuse(node: exp.Expr) -> None:
    """Raise Untranslatable for an operator without an equal."""
    match node:
        case exp.BitwiseAnd() | exp.BitwiseOr() | exp.BitwiseXor() | exp.BitwiseNot():
            raise Untranslatable("Flink has no operators on bits")
        case exp.IgnoreNulls() if not (isinstance(node.this, exp.Anonymous) and node.this.name == "FIRST_VALUE"):
            raise Untranslatable("Flink has no IGNORE NULLS")
        case exp.Comprehension():
            raise Untranslatable("Flink has no list comprehensions")
        case exp.Struct() if not isinstance(node.parent, exp.ToMap):
            raise Untranslatable("Flink has no struct literals: build rows in the source")
        case exp.SetOperation() if node.args.get("by_name"):
            raise Untranslatable("Flink has no BY NAME: translate the analysed query with columns in one order")


_kept: Final = (
    exp.And, exp.Or, exp.Case, exp.If, exp.Coalesce, exp.Exists, exp.Extract, exp.Cast, exp.Unnest, exp.Like,
    exp.Floor, exp.Nullif,
)  # fmt: skip
_pattern_functions: Final = frozenset({"prev", "next", "first", "last", "classifier", "match_number"})


def _function(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.TryCast():
            text = exp.Var(this=f"{_text(node.this)} AS {_text(node.to)}")
            found: exp.Expr = exp.Anonymous(this="TRY_CAST", expressions=[text])
        case exp.JSONExtractScalar() | exp.JSONExtract():
            name = "JSON_VALUE" if isinstance(node, exp.JSONExtractScalar) else "JSON_QUERY"
            found = exp.Anonymous(this=name, expressions=[node.this, _json_path(node)])
        case exp.Pow() | exp.RegexpLike():
            name = "POWER" if isinstance(node, exp.Pow) else "REGEXP"
            found = exp.Anonymous(this=name, expressions=[node.this, node.expression])
        case exp.Explode():
            raise Untranslatable("Flink unnests in FROM: CROSS JOIN UNNEST(list) AS t(x)")
        case exp.ILike() | exp.Struct() | exp.BitwiseXor():
            found = _operator(node)
        case exp.Filter() | exp.Window() | exp.Star() | exp.Lambda():
            found = node
        case exp.Anonymous() if node.name.upper() in window_arguments or node.name.upper() == SESSION_KEYS:
            found = node
        case _:
            found = node if isinstance(node, _kept) else _named(node)
    return found


def _named(node: exp.Expr) -> exp.Expr:
    name = function_name(node) or node.key
    if node.find_ancestor(exp.MatchRecognize) and name in _pattern_functions:
        return node
    if name in differing:
        raise Untranslatable(f"Flink's {name.upper()} is another: {differing[name]}")
    if name in rules or name in names:
        arguments = list(node.expressions) if isinstance(node, exp.Anonymous) else _arguments(node)
        if any(isinstance(argument, exp.Order) for argument in arguments):
            raise Untranslatable(f"Flink has no ORDER BY inside {name}()")
        if len(arguments) > most_arguments.get(name, len(arguments)):
            raise Untranslatable(f"Flink's {name.upper()} takes {most_arguments[name]} arguments at most")
        if name in rules:
            try:
                return rules[name](arguments)
            except (TypeError, IndexError) as error:
                raise Untranslatable(f"{name}() with {len(arguments)} arguments has no equal in Flink") from error
        if isinstance(node, exp.Count | exp.Sum | exp.Min | exp.Max | exp.RowNumber):
            return node
        return exp.Anonymous(this=names[name], expressions=arguments)
    raise Untranslatable(f"Flink has no function {name}()")


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    """A typed function's arguments in the order they are written."""
    found: list[exp.Expr] = []
    for key in type(node).arg_types:
        value = node.args.get(key)
        found += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, exp.Expr)]
    return found


def _json_path(node: exp.Expr) -> exp.Expr:
    path = node.expression
    return exp.Literal.string(path.name) if path.is_string else exp.Literal.string(_path(path))


def _path(path: exp.Expr) -> str:
    return path.sql(dialect).strip("'")


def _map(node: exp.ToMap) -> exp.Expr:
    pairs = node.this.expressions
    items = [f"{_text(pair.this)}, {_text(pair.expression)}" for pair in pairs]
    return exp.Var(this=f"MAP[{', '.join(items)}]")


def _interval(node: exp.Interval) -> exp.Expr:
    """Flink's intervals have one unit and two digits unless they say more."""
    unit = node.args.get("unit")
    if isinstance(unit, exp.Var) and isinstance(node.this, exp.Literal):
        name, count = unit.name.upper(), node.this.name
        if name == "WEEK":
            name, count = "DAY", str(int(count) * 7)
        if name == "QUARTER":
            name, count = "MONTH", str(int(count) * 3)
        if name in {"MICROSECOND", "MILLISECOND"}:
            length = interval_length(node)
            name, count = "SECOND", f"{length.total_seconds():g}" if length is not None else count
    else:
        length = interval_length(node)
        if length is None:
            raise Untranslatable("an interval must be constant, for example INTERVAL '1' HOUR")
        name, count = "SECOND", f"{length.total_seconds():.0f}"
    digits = len(count.lstrip("+-").partition(".")[0])
    return exp.Interval(this=exp.Literal.string(count), unit=exp.Var(this=name if digits <= 2 else f"{name}({digits})"))


def _window(table: exp.Table) -> exp.Expr:
    """``TABLE(TUMBLE(TABLE t, DESCRIPTOR(c), INTERVAL ...))``: the table loses its inner alias."""
    call = window_call(table)
    if call is None:
        return table
    relation = call.relation
    if isinstance(relation, exp.Table):
        data = "TABLE " + ".".join(quoted(part.name) for part in relation.parts)
    else:
        relation.set("alias", None)
        data = _text(relation)
    if call.keys:
        data += " PARTITION BY " + ", ".join(_text(key) for key in call.keys)
    described = exp.Anonymous(this="DESCRIPTOR", expressions=[call.column])
    function = exp.Anonymous(this=call.kind, expressions=[exp.Var(this=data), described, *call.intervals])
    wrapped = exp.Anonymous(this="TABLE", expressions=[function])
    return exp.Table(this=wrapped, alias=table.args.get("alias"), joins=table.args.get("joins"))


def _text(node: exp.Expr) -> str:
    return _dialect.generate(node, copy=True, identify=True, comments=False)
