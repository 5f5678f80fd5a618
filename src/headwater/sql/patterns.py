"""MATCH_RECOGNIZE: the columns a row pattern offers.

Apart from FROM because it replaces the items before it: what follows sees the
partition keys and measures (ONE ROW PER MATCH) or the rows as well (ALL ROWS).
Semantics: SQL:2016, part 2, 7.7 (row pattern recognition).
"""

from __future__ import annotations

from sqlglot import exp

from headwater.sql.expressions import Resolution, derive
from headwater.sql.scope import EXPRESSION, Block, Derivation, Output, Scope, Source, combine

__all__ = ["match_pattern"]


def match_pattern(match: exp.MatchRecognize, scope: Scope, resolution: Resolution) -> None:
    """Replace the sources of a scope by the pattern's output."""
    whole = [source.block for source in scope.visible_sources()]
    columns = [output for block in whole for output in block.columns]
    rest = combine([block.rest for block in whole if block.rest]) if any(block.rest for block in whole) else None
    inner = Scope(scope.parent, scope.ctes, dict(scope.sources), qualify=False)
    row = Block(tuple(columns), rest=rest)
    for define in match.args.get("define") or []:
        variable = define.alias
        inner.sources[variable.lower()] = Source(variable, row, None)
    deciding = combine(
        [derive(define.this, _rows(inner, row), resolution) for define in match.args.get("define") or []]
    )
    keys = [derive(key, _rows(inner, row), resolution) for key in match.args.get("partition_by") or []]
    order = match.args.get("order")
    ordering = [derive(part.this, _rows(inner, row), resolution) for part in order.expressions] if order else []
    indirect = combine([deciding, *keys, *ordering]).references
    outputs = [
        Output(key.name, derivation) for key, derivation in zip(match.args.get("partition_by") or [], keys, strict=True)
    ]
    if "ALL ROWS" in str(match.args.get("rows") or "").upper():
        outputs = list(columns)
    for measure in match.args.get("measures") or []:
        node = measure.this
        derivation = derive(node, _rows(inner, row), resolution)
        outputs.append(Output(node.alias_or_name, Derivation(derivation.direct, derivation.indirect, EXPRESSION)))
    alias = match.args.get("alias")
    label = alias.name.lower() if alias is not None and alias.name else resolution.new_alias()
    scope.sources.clear()
    scope.sources[label] = Source(label, Block(tuple(outputs), indirect), label)
    resolution.problems.add(
        "MATCH_RECOGNIZE does not run on the embedded engine",
        match.this if isinstance(match.this, exp.Expr) else match,
        detail="the pattern is understood, but it cannot be turned into the engine's SQL",
        hint="choose an environment whose engine is flink, or express the pattern with lag() and lead()",
    )


def _rows(inner: Scope, row: Block) -> Scope:
    """Pattern variables qualify columns; an unqualified column is the row's."""
    sources: dict[str, Source] = {}
    for alias, source in inner.sources.items():
        sources[alias] = Source(source.alias, source.block, None)
    plain = Scope(inner.parent, inner.ctes, sources, qualify=False)
    plain.merged = {output.name.lower(): output for output in row.columns}
    return plain
