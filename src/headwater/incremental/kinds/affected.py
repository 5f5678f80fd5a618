"""Affected keys: what an operator yields for the keys that changed is computed anew, and compared with before.

Right for every operator that brings rows together by a key: the output rows of a key
depend only on the input rows with that key. Kept are the input by key and the output,
so that what was published is taken back exactly as it was (sums of floating numbers, for
one, differ by the order of their terms).
"""

from __future__ import annotations

from collections.abc import Sequence

from headwater.incremental.algebra.nodes import (
    Aggregate,
    Analytic,
    AsOf,
    Distinct,
    Join,
    JoinKind,
    Node,
    Opaque,
    Session,
    SetOperation,
    inputs_of,
)
from headwater.incremental.algebra.render import listed, render
from headwater.incremental.flows import Build, Flow, consolidated, diff
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.program import Block, BlockKind
from headwater.types import quote_identifier
from headwater.values import frozen

__all__ = ["affected"]


@frozen
class _Keyed:
    """By what rows belong together: columns of each input, and expressions over the output."""

    inputs: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]


def affected(node: Node, flows: Sequence[Flow], build: Build) -> Flow:
    """Compute the affected keys anew; the result comes and goes."""
    keyed = _key(node)
    name = node.name
    rows = [build.shared(f"{name}.input{number}", flow.rows) for number, flow in enumerate(flows, 1)]
    contents = [build.arranged(f"{name}.input{number}", flow) for number, flow in enumerate(flows, 1)]
    touched = build.work(f"{name}.touched", _touched(keyed, flows, rows))
    restricted = [
        f'(SELECT {listed(flow.columns)} FROM {content} AS "kept" WHERE {_touches(touched, columns)})'
        for flow, content, columns in zip(flows, contents, (_columns(keys) for keys in keyed.inputs), strict=True)
    ]
    if isinstance(node, Aggregate) and not node.keys:
        fresh = build.work(f"{name}.fresh", render(node, contents))
        touched = build.work(f"{name}.all", "SELECT 1 AS key1")
    elif keyed.output:
        fresh = build.work(f"{name}.fresh", render(node, restricted))
    else:
        whole = f"EXISTS (SELECT 1 FROM {touched})"
        fresh = build.work(f"{name}.fresh", f"SELECT * FROM ({render(node, contents)}) WHERE {whole}")
    state = build.keep(name, fresh)
    columns, before = listed(node.columns), build.take(f"{name}.before", state, _touches(touched, keyed.output))
    compared = (
        f"(SELECT {columns}, CAST(1 AS BIGINT) AS {diff} FROM {fresh} UNION ALL "
        f"SELECT {columns}, CAST(-1 AS BIGINT) FROM {before})"
    )
    delta = build.work(f"{name}.delta", consolidated(node.columns, compared))
    build.insert(state, f"SELECT {columns} FROM {fresh}")
    build.say(_block(node, keyed))
    apart = frozenset(node.columns)
    return Flow(rows=delta, columns=node.columns, changes=Changes.REPLACE, content=state, apart=apart)


def _block(node: Node, keyed: _Keyed) -> Block:
    keys = keyed.inputs[0] if keyed.inputs else ()
    if isinstance(node, Opaque):
        state = "all rows that it reads, and its result"
        return Block(node.name, BlockKind.FULL, node.why, node.cheaper, state, bounded=False)
    if not keys:
        return Block(
            name=node.name,
            kind=BlockKind.KEYED,
            why="every row of its result may change with every row that comes",
            cheaper="give its rows a key: partition, group or join by columns",
            state="all rows that it reads, and its result",
            bounded=False,
        )
    return Block(
        name=node.name,
        kind=BlockKind.KEYED,
        why="the result of a key is computed anew when rows of it come",
        cheaper=_cheaper(node),
        state="the rows and the result of every key",
        key=keys,
        bounded=False,
    )


def _cheaper(node: Node) -> str | None:
    match node:
        case Aggregate():
            return "use aggregates that merge, such as count, sum, min and max, of rows that are only added"
        case AsOf():
            return "give both sides an event time, and join with the version before (>=)"
        case _:
            return None


def _key(node: Node) -> _Keyed:
    match node:
        case Aggregate(keys=keys) | Analytic(partition=keys) | Session(keys=keys):
            return _Keyed((keys,), _columns(keys))
        case Distinct():
            return _Keyed((node.input.columns,), _columns(node.columns))
        case SetOperation():
            return _Keyed((node.left.columns, node.right.columns), _columns(node.columns))
        case AsOf(on=on) | Join(on=on):
            left, right = tuple(pair[0] for pair in on), tuple(pair[1] for pair in on)
            if isinstance(node, Join) and node.kind is JoinKind.FULL:
                both = (f'coalesce("kept".{_q(mine)}, "kept".{_q(theirs)})' for mine, theirs in on)
                return _Keyed((left, right), tuple(both))
            return _Keyed((left, right), _columns(left))
        case _:
            return _Keyed(tuple(() for _ in inputs_of(node)), ())


def _touched(keyed: _Keyed, flows: Sequence[Flow], rows: Sequence[str]) -> str:
    """A query of the keys ``key1``, ``key2`` ... of which rows came or went; one row without keys for all."""
    if not keyed.output:
        return " UNION ".join(f"SELECT 1 AS key1 FROM {each}" for each in rows) if flows else "SELECT 1 AS key1"
    return " UNION ".join(
        f"SELECT {', '.join(f'{_q(name)} AS key{at}' for at, name in enumerate(columns, 1))} FROM {each}"
        for columns, each in zip(keyed.inputs, rows, strict=True)
    )


def _touches(touched: str, expressions: Sequence[str]) -> str:
    pairs = (f'"touched".key{at} IS NOT DISTINCT FROM {each}' for at, each in enumerate(expressions, 1))
    return f'EXISTS (SELECT 1 FROM {touched} AS "touched" WHERE {" AND ".join(pairs) or "true"})'


def _columns(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f'"kept".{_q(name)}' for name in names)


_q = quote_identifier
