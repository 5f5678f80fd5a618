"""Uniqueness over epochs without state: which rows compete for a key, and which of them wins.

Apart from judging because it is an algorithm of its own. Rows are taken in
provenance order and each is admitted when no row admitted before it, in this
epoch or published earlier, has one of its keys. So the outcome does not depend
on where epochs are cut. Only rows that compete for a key are ever ordered;
where no key occurs twice the cost is one hash aggregation.
"""

from __future__ import annotations

from collections.abc import Sequence

from headwater.quality.checks import KeyCheck
from headwater.quality.literals import text_literal
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, Statement, relation
from headwater.types import RelationName, Schema, quote_identifier
from headwater.values import frozen

__all__ = ["KeyPlan", "plan_keys"]


@frozen
class KeyPlan:
    """``work`` creates ``judged``: the competing rows, with ``_hw_codes`` empty for winners.

    ``uncontested`` is a predicate over a candidate ``c``: no other row has one of its keys.
    """

    work: tuple[Statement, ...]
    judged: str
    uncontested: str


@frozen
class _Key:
    name: RelationName
    check: KeyCheck
    number: int

    @property
    def columns(self) -> list[str]:
        return [quote_identifier(column) for column in self.check.columns]

    @property
    def contested(self) -> str:
        return quote_identifier(f"judged.{self.name}#key{self.number}")

    @property
    def complete(self) -> str:
        return " AND ".join(f"c.{column} IS NOT NULL" for column in self.columns)

    @property
    def is_contested(self) -> str:
        return f"EXISTS (SELECT 1 FROM {self.contested} AS k WHERE {self._same})"

    @property
    def is_held(self) -> str:
        return f"EXISTS (SELECT 1 FROM {self.contested} AS k WHERE {self._same} AND k.held)"

    @property
    def _same(self) -> str:
        return " AND ".join(f"k._hw_key{at} = c.{column}" for at, column in enumerate(self.columns))

    def find_contested(self, sound: str, *, history: bool) -> Statement:
        """The keys that occur more than once among sound candidates, or in history (``held``)."""
        candidate = relation("candidate", self.name)
        listed = ", ".join(f"c.{column} AS _hw_key{at}" for at, column in enumerate(self.columns))
        grouped = ", ".join(f"c.{column}" for column in self.columns)
        repeated = (
            f"SELECT {listed}, FALSE AS held FROM {candidate} AS c WHERE {self.complete} AND {sound} "
            f"GROUP BY {grouped} HAVING count(*) > 1"
        )
        if not history:
            return Statement(self.contested, repeated)
        same = " AND ".join(f"h.{column} = c.{column}" for column in self.columns)
        held = (
            f"SELECT DISTINCT {listed}, TRUE AS held FROM {candidate} AS c WHERE {self.complete} AND {sound} "
            f"AND EXISTS (SELECT 1 FROM {relation('history', self.name)} AS h WHERE {same})"
        )
        names = ", ".join(f"_hw_key{at}" for at in range(len(self.columns)))
        return Statement(
            self.contested,
            f"SELECT {names}, bool_or(held) AS held FROM ({repeated} UNION ALL {held}) GROUP BY {names}",
        )


def plan_keys(name: RelationName, checks: Sequence[KeyCheck], schema: Schema, *, sound: str, history: bool) -> KeyPlan:
    """The work that decides key conflicts among candidates for which ``sound`` (over ``c``) is TRUE."""
    keys = [_Key(name, check, number) for number, check in enumerate(checks, start=1)]
    judged = relation("judged", name)
    resolve = _resolve_one(keys[0], schema) if len(keys) == 1 else _resolve_many(keys, schema)
    work = [key.find_contested(sound, history=history) for key in keys]
    competing = _competing(keys, schema, sound)
    work.append(Statement(judged, f"WITH RECURSIVE competing AS MATERIALIZED ({competing}), {resolve}"))
    return KeyPlan(tuple(work), judged, " AND ".join(f"NOT {key.is_contested}" for key in keys))


def _competing(keys: Sequence[_Key], schema: Schema, sound: str) -> str:
    """The rows that compete, ranked by provenance, with ``held<n>`` for keys that are taken since earlier epochs.

    One branch a key, without those of the keys before it: semi and anti joins
    with the few contested keys, where OR would hash every candidate.
    """
    names = [quote_identifier(column.name) for column in schema]
    order = ", ".join(f"c.{column} NULLS LAST" for column in (SOURCE_COLUMN, OFFSET_COLUMN, *names))
    held = ", ".join(f"{key.is_held} AS _hw_held{key.number}" for key in keys)
    candidate = relation("candidate", keys[0].name)
    branches = []
    for at, key in enumerate(keys):
        tests = [sound, key.is_contested, *(f"NOT {before.is_contested}" for before in keys[:at])]
        branches.append(f"SELECT c.* FROM {candidate} AS c WHERE {' AND '.join(tests)}")
    contested = " UNION ALL ".join(branches)
    return f"SELECT c.*, row_number() OVER (ORDER BY {order}) AS _hw_rank, {held} FROM ({contested}) AS c"


def _output(schema: Schema) -> str:
    return ", ".join(
        [*(f"c.{quote_identifier(column.name)}" for column in schema), f"c.{SOURCE_COLUMN}", f"c.{OFFSET_COLUMN}"]
    )


def _resolve_one(key: _Key, schema: Schema) -> str:
    """With one key the first row of a group wins, unless the key is held."""
    group = ", ".join(f"c.{column}" for column in key.columns)
    lost = f"c._hw_held{key.number} OR row_number() OVER (PARTITION BY {group} ORDER BY c._hw_rank) > 1"
    return (
        f"decided AS (SELECT *, CASE WHEN {lost} THEN [{text_literal(key.check.code)}] ELSE [] END AS _hw_codes "
        f"FROM competing AS c) SELECT {_output(schema)}, CAST(c._hw_codes AS VARCHAR[]) AS _hw_codes FROM decided AS c"
    )


def _resolve_many(keys: Sequence[_Key], schema: Schema) -> str:
    """With several keys a row that loses by one key leaves its other keys free: decided in rounds.

    In each round a row that is the first of all its groups wins, the rows of the
    groups it wins lose, the others stay open. Every round decides at least one row.
    """
    bare = list(dict.fromkeys(column for key in keys for column in key.columns))
    carried = ", ".join(bare)
    free = " AND ".join(f"NOT _hw_held{key.number}" for key in keys)
    firsts = ", ".join(
        f"({_incomplete(key)} OR min(_hw_rank) OVER (PARTITION BY {', '.join(key.columns)}) = _hw_rank) "
        f"AS _hw_first{key.number}"
        for key in keys
    )
    wins = " AND ".join(f"_hw_first{key.number}" for key in keys)
    beaten = " OR ".join(
        f"(NOT {_incomplete(key)} AND bool_or(_hw_wins) OVER (PARTITION BY {', '.join(key.columns)}))" for key in keys
    )
    codes = ", ".join(_lost_by(key) for key in keys)
    return (
        f"rounds AS (SELECT {carried}, _hw_rank, 'open' AS fate FROM competing WHERE {free} UNION ALL "
        f"SELECT {carried}, _hw_rank, CASE WHEN _hw_wins THEN 'won' WHEN {beaten} THEN 'lost' ELSE 'open' END "
        f"FROM (SELECT *, {wins} AS _hw_wins FROM (SELECT *, {firsts} FROM rounds WHERE fate = 'open'))), "
        f"marked AS (SELECT c.*, c._hw_rank IN (SELECT r._hw_rank FROM rounds AS r WHERE r.fate = 'won') AS _hw_won "
        f"FROM competing AS c), decided AS (SELECT c.*, list_filter([{codes}], lambda _hw_code: _hw_code IS NOT NULL) "
        f"AS _hw_codes FROM marked AS c) SELECT {_output(schema)}, c._hw_codes FROM decided AS c"
    )


def _lost_by(key: _Key) -> str:
    """The key's code when a row that won before this one, or an earlier epoch, has the key."""
    winner = "min(CASE WHEN c._hw_won THEN c._hw_rank END)"
    earlier = f"coalesce({winner} OVER (PARTITION BY {', '.join(key.columns)}) < c._hw_rank, FALSE)"
    taken = f"c._hw_held{key.number} OR (NOT {_incomplete(key)} AND {earlier})"
    return f"CASE WHEN {taken} THEN {text_literal(key.check.code)} END"


def _incomplete(key: _Key) -> str:
    return "(" + " OR ".join(f"{column} IS NULL" for column in key.columns) + ")"
