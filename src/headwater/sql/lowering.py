"""Window table functions as plain DuckDB SQL.

Apart from the analyser so that each window has its one rule here. Windows are
aligned to 1970-01-01 00:00 plus the offset; a row whose time is NULL is in no
window. The session's time zone must be UTC (docs/reference/quirks.md).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlglot import exp

from headwater.sql.intervals import interval_length
from headwater.sql.parse import dialect
from headwater.sql.text import Problems
from headwater.sql.windows import COLUMNS_META, WindowCall, window_call
from headwater.types import quote_identifier

__all__ = ["lower_windows"]

_calendar_units: Final = frozenset({"MONTH", "QUARTER", "YEAR", "DECADE", "CENTURY", "MILLENNIUM"})
_origin: Final = "TIMESTAMP '1970-01-01 00:00:00'"


def lower_windows(tree: exp.Expr, problems: Problems) -> None:
    """Replace every window table function in place."""
    tables = [(table, call) for table in tree.find_all(exp.Table) if (call := window_call(table)) is not None]
    for table, call in reversed(tables):
        lengths = _checked(call, problems)
        if lengths is not None:
            text = _lowered(call, lengths)
            query = dialect.parser().parse(dialect.tokenize(text), text)[0]
            table.replace(exp.Subquery(this=query, alias=table.args.get("alias")))


def _lowered(call: WindowCall, lengths: list[timedelta]) -> str:
    """The query that gives each row of the call's table its windows; every part is generated from the tree."""
    relation, time = _sql(call.relation), _sql(call.column)
    intervals = [_sql(node) for node in call.intervals]
    known = call.node.meta.get(COLUMNS_META)
    columns = "*" if known is None else ", ".join(quote_identifier(name) for name in known)
    last = "window_end - INTERVAL '1' MICROSECOND AS window_time"
    match call.kind:
        case "TUMBLE":
            return (
                f"SELECT {columns}, {_bucket(intervals[0], time, intervals[1:])} AS window_start, "
                f"window_start + {intervals[0]} AS window_end, {last} "
                f"FROM {relation} WHERE {time} IS NOT NULL"
            )
        case "HOP":
            count = -(-lengths[1] // lengths[0])
            overlapping = "" if lengths[1] % lengths[0] == timedelta() else f" AND window_end > {time}"
            columns = columns if known is not None else "* EXCLUDE (_hop)"
            last_start = _bucket(intervals[0], time, intervals[2:])
            return (
                f"SELECT {columns}, {last_start} - {intervals[0]} * _hop AS window_start, "
                f"window_start + {intervals[1]} AS window_end, {last} "
                f"FROM {relation} CROSS JOIN range({count}) AS _hops(_hop) WHERE {time} IS NOT NULL{overlapping}"
            )
        case "CUMULATE":
            count = lengths[1] // lengths[0]
            columns = columns if known is not None else "* EXCLUDE (_step)"
            return (
                f"SELECT {columns}, {_bucket(intervals[1], time, intervals[2:])} AS window_start, "
                f"window_start + {intervals[0]} * _step AS window_end, {last} "
                f"FROM {relation} CROSS JOIN range(1, {count + 1}) AS _steps(_step) "
                f"WHERE {time} IS NOT NULL AND window_end > {time}"
            )
        case _:
            columns = columns if known is not None else "* EXCLUDE (_begins, _session)"
            sessions = _sessions(call, relation, time, intervals[0])
            return (
                f"SELECT {columns}, min({time}) OVER _one AS window_start, "
                f"max({time}) OVER _one + {intervals[0]} AS window_end, {last} {sessions}"
            )


def _sessions(call: WindowCall, relation: str, time: str, gap: str) -> str:
    """FROM and WINDOW of a query over numbered sessions: beginnings are counted in the order of time, key by key.

    They are counted over all rows of one time at once: which of these stands first may differ from one function
    over rows to the next.
    """
    keys = ", ".join(_sql(key) for key in call.keys)
    by_key = f"PARTITION BY {keys} ORDER BY {time}" if keys else f"ORDER BY {time}"
    by_session = f"PARTITION BY {keys}, _session" if keys else "PARTITION BY _session"
    begins = f"CASE WHEN {time} <= lag({time}) OVER ({by_key}) + {gap} THEN 0 ELSE 1 END"
    marked = f"SELECT *, {begins} AS _begins FROM {relation} WHERE {time} IS NOT NULL"
    numbered = f"SELECT *, sum(_begins) OVER ({by_key}) AS _session FROM ({marked})"
    return f"FROM ({numbered}) WINDOW _one AS ({by_session})"


def _bucket(width: str, time: str, offset: list[str]) -> str:
    origin = f"{_origin} + {offset[0]}" if offset else _origin
    return f"time_bucket({width}, {time}, {origin})"


def _sql(node: exp.Expr) -> str:
    return node.sql(dialect, identify=True, comments=False)


def _checked(call: WindowCall, problems: Problems) -> list[timedelta] | None:
    """The lengths of a call's intervals, None after noting what is wrong with them."""
    if not isinstance(call.relation, exp.Table | exp.Subquery) or not isinstance(call.column, exp.Column):
        problems.add(f"{call.kind} takes a table and a column of it", call.node, hint=f"{call.kind}(t, time, ...)")
        return None
    lengths: list[timedelta] = []
    for at, node in enumerate(call.intervals):
        length = interval_length(node)
        if length is None and call.kind == "TUMBLE" and at == 0 and _is_calendar(node):
            length = timedelta(days=28)
        if length is None:
            problems.add(
                f"{call.kind} needs constant intervals of a fixed length",
                node,
                hint="INTERVAL '1' HOUR, INTERVAL 10 MINUTES; months and years only as the size of TUMBLE",
            )
            return None
        offset = at == {"TUMBLE": 1, "HOP": 2, "CUMULATE": 2, "SESSION": 1}[call.kind]
        if length <= timedelta() and not offset:
            problems.add(f"an interval of {call.kind} is not longer than nothing", node)
            return None
        lengths.append(length)
    if call.kind == "CUMULATE" and lengths[1] % lengths[0]:
        problems.add("CUMULATE needs a size that is a multiple of its step", call.intervals[1])
        return None
    if call.kind == "HOP" and lengths[0] > lengths[1]:
        problems.add(
            "HOP needs a size that is at least its slide",
            call.intervals[1],
            detail="rows between two windows would be in none",
            hint="the slide comes first: HOP(t, c, slide, size)",
        )
        return None
    return lengths


def _is_calendar(node: exp.Expr) -> bool:
    unit = node.args.get("unit")
    return isinstance(unit, exp.Var) and unit.name.upper().rstrip("S") in _calendar_units
