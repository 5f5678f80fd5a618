"""The allow-list applied: what a query may not contain, and what to write instead.

Apart from name resolution because it must hold for text that resolves to
nothing. It looks at the parsed query alone and runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sqlglot import exp

from headwater.errors import did_you_mean
from headwater.sql.dialect import FUNCTION_NAME, SESSION_KEYS, window_arguments, window_usage
from headwater.sql.functions import clock_functions, permitted, refused, refused_prefixes, table_functions
from headwater.sql.temporal import is_temporal
from headwater.sql.text import Problems
from headwater.values import frozen

__all__ = ["Profile", "ad_hoc", "check", "function_name", "model", "rule"]


@frozen
class Profile:
    """What a kind of query may do beyond the allow-list.

    ``clock`` permits functions of the current time, ``sampling`` TABLESAMPLE,
    ``time_travel`` older versions of what it reads, ``temporal_joins`` those that rows beside them ask for.
    """

    clock: bool = False
    sampling: bool = False
    time_travel: bool = False
    temporal_joins: bool = False


rule: Final = Profile()
model: Final = Profile(temporal_joins=True)
ad_hoc: Final = Profile(clock=True, sampling=True, time_travel=True)

_harmless: Final = (exp.Identifier, exp.Column, exp.Literal, exp.Alias, exp.TableAlias)
_operators: Final = (
    exp.And, exp.Or, exp.Xor, exp.Cast, exp.TryCast, exp.Case, exp.If, exp.Coalesce, exp.Extract, exp.Struct,
    exp.Array, exp.Map, exp.ToMap, exp.VarMap, exp.Exists, exp.Explode, exp.Unnest, exp.JSONExtract,
    exp.JSONExtractScalar, exp.StarMap, exp.Columns, exp.Like, exp.ILike, exp.Pow, exp.Between, exp.Abs,
    exp.RegexpLike, exp.ArrayOverlaps, exp.ArrayContainsAll, exp.StartsWith, exp.Lambda, exp.Trim, exp.Collate,
    exp.RegexpFullMatch, exp.ParseJSON, exp.JSONObject,
)  # fmt: skip
"""Functions that are written as operators or keywords, so that they carry no name of their own."""

_pattern_functions: Final = frozenset({"classifier", "match_number", "prev", "next", "final", "running"})

_catalogs: Final = frozenset({"information_schema", "pg_catalog", "duckdb", "system", "sqlite_master", "temp"})

_no_ad_hoc_hint: Final = "`headwater query` may use it, a model may not: a model gives the same answer on every run"


def check(nodes: Iterable[exp.Expr], problems: Problems, profile: Profile) -> None:
    """Note everything among a parsed query's nodes that its profile does not permit."""
    for node in nodes:
        if isinstance(node, _harmless):
            continue
        if isinstance(node, exp.Func | exp.Anonymous):
            _function(node, problems, profile)
        elif isinstance(node, exp.Table):
            _table(node, problems, profile)
        elif isinstance(node, exp.TableSample) and not profile.sampling:
            problems.add("sampling gives other rows on every run", node, hint="filter on hash(key) % n instead")
        elif isinstance(node, exp.Parameter | exp.Placeholder | exp.SessionParameter):
            problems.add(
                "parameters have no value here", node, hint="write the value, or join a relation that holds it"
            )
        elif isinstance(node, exp.Into | exp.Lock | exp.DDL | exp.DML) and not isinstance(node, exp.Query):
            problems.add(f"{node.key.upper()} is not part of a query", node, hint="write one SELECT")
        elif isinstance(node, exp.Describe | exp.Summarize):
            problems.add(f"{node.key.upper()} is not a query", node, hint="write one SELECT")
        elif isinstance(node, exp.Command):
            problems.add(f"{str(node.this).upper()} is not a query", node, hint="write one SELECT")


def function_name(node: exp.Expr) -> str | None:
    """The function's name as written, None for operators and keywords."""
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower()
    written = node.meta.get(FUNCTION_NAME) if node._meta else None  # noqa: SLF001
    if written is not None:
        return str(written).lower()
    if isinstance(node, _operators):
        return None
    if isinstance(node, exp.GroupConcat):
        return "string_agg"
    names = [name.lower() for name in type(node).sql_names()] if isinstance(node, exp.Func) else []
    return next((name for name in names if name in permitted), names[0] if names else node.key)


def _function(node: exp.Expr, problems: Problems, profile: Profile) -> None:
    name = function_name(node)
    if name is None or name in permitted:
        if name == "age" and len(list(node.iter_expressions())) < 2 and not profile.clock:
            problems.add("age() of one value reads the clock", node, hint="give both: age(later, earlier)")
        return
    if name.upper() in window_arguments or name.upper() == SESSION_KEYS:
        if isinstance(node.parent, exp.Table) and len(node.expressions) < 3:
            problems.add(f"{name.upper()} takes {window_usage(name.upper())}", node)
        if not isinstance(node.parent, exp.Table | exp.Anonymous):
            problems.add(f"{name.upper()} stands in FROM", node, hint=f"SELECT ... FROM {name.upper()}(t, c, ...)")
        return
    if name in clock_functions and profile.clock:
        return
    if name in _pattern_functions and node.find_ancestor(exp.MatchRecognize):
        return
    hint = refused.get(name)
    if hint is None:
        hint = next((each for prefix, each in refused_prefixes.items() if name.startswith(prefix)), None)
    if hint is not None:
        detail = None if profile.clock or name not in clock_functions else _no_ad_hoc_hint
        called = isinstance(node, exp.Anonymous) or FUNCTION_NAME in node.meta
        at = node if called else _keyword(name, problems)
        problems.add(f"{name}{'()' if called else ''} may not be used here", at, detail=detail, hint=hint)
    else:
        problems.add(f"{name}() is not a function of headwater's SQL", node, hint=_near(name))


def _keyword(name: str, problems: Problems) -> int:
    """Where a function written without parentheses stands: its node knows no place."""
    found = re.search(rf"\b{name}\b", problems.text.text, re.IGNORECASE)
    return found.start() if found else 0


def _near(name: str) -> str | None:
    hint = did_you_mean(name, permitted)
    return hint if hint and hint.startswith("did") else "docs/concepts/sql-dialect.md lists the functions"


def _table(node: exp.Table, problems: Problems, profile: Profile) -> None:
    this = node.this
    if isinstance(this, exp.Anonymous) and this.name.upper() not in window_arguments:
        name = this.name.lower()
        if name in permitted and name not in table_functions:
            problems.add(f"{name}() is not a table function", this, hint=did_you_mean(name, table_functions))
    if isinstance(this, exp.Identifier) and _is_path(this):
        problems.add(
            f"'{this.name}' is a file, not a relation",
            this,
            hint="declare the file as a source in headwater.yaml and read that relation",
        )
    if not _catalogs.isdisjoint((node.catalog.lower(), node.db.lower(), this.name.lower())):
        problems.add(
            "the engine's own tables may not be read",
            node,
            hint="`headwater status` and `headwater lineage` show what a workspace holds",
        )
    travels = node.args.get("version") is not None or node.args.get("when") is not None
    if travels and not profile.time_travel and not (profile.temporal_joins and is_temporal(node)):
        problems.add(
            "a model reads the present version of its inputs",
            node.args.get("version") or node,
            hint="for the state at a row's time: JOIN t FOR SYSTEM_TIME AS OF a.time; `headwater query` "
            "reads older versions",
        )
    if node.args.get("changes") is not None or node.args.get("rows_from") is not None:
        problems.add("this form of FROM is not part of headwater's SQL", node, hint="read a relation by its name")


def _is_path(identifier: exp.Identifier) -> bool:
    name = identifier.name
    return any(mark in name for mark in "/\\*?:") or name.lower().endswith(
        (".parquet", ".csv", ".json", ".ndjson", ".jsonl", ".gz", ".zst", ".db", ".duckdb", ".txt", ".tsv")
    )
