"""The rows of a keyed source: the newest change of every key, kept up to date from the changes of each epoch.

Apart from the operators because a source has no query: its program is written from its key and order alone.
It reads ``change.<source>``, the changes that were accepted, and creates ``delta.<source>``, as every keyed
program does; so whatever reads the source is maintained as over any relation that is replaced. Nothing here
needs the parser, so that planning and running a keyed source does not load it.

A change is newer than another one of its key when its order columns are greater, the first that differs
deciding, or when they are equal and its position is: its source, then its record. Deletions are kept, so that
an older change that comes behind one does not bring the row back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headwater.incremental.program import Block, BlockKind, ChangeMode, Delete, Input, Insert, Keep, Program
from headwater.relations import DELETED_COLUMN, DIFF_COLUMN, OFFSET_COLUMN, SOURCE_COLUMN, Statement, relation
from headwater.types import RelationName, Schema, quote_identifier

__all__ = ["compile_upserts", "superseded_of"]

_deleted: Final = quote_identifier(DELETED_COLUMN)
_diff: Final = quote_identifier(DIFF_COLUMN)


def superseded_of(source: RelationName) -> str:
    """The work relation with a source's changes that came behind newer ones of earlier epochs: key and position."""
    return quote_identifier(f"change.{source}/superseded")


def compile_upserts(source: RelationName, rows: Schema, *, key: Sequence[str], order: Sequence[str]) -> Program:
    """The program that keeps a source's rows.

    Args:
        rows: the columns of its rows. ``change.<source>`` has them, those of ``order`` that are not among them,
            :data:`~headwater.relations.DELETED_COLUMN`, and the provenance columns.
        key: columns that are never NULL in a change; likewise ``order``.
    """
    hidden = [name for name in order if rows.get(name) is None]
    columns = _listed(rows.names)
    kept = _listed([*rows.names, *hidden, DELETED_COLUMN, SOURCE_COLUMN, OFFSET_COLUMN])
    position = (*order, SOURCE_COLUMN, OFFSET_COLUMN)
    change, state = relation("change", source), quote_identifier(f"state.{source}/rows")
    newest, former, applied = (quote_identifier(f"change.{source}/{name}") for name in ("newest", "former", "applied"))
    descending = ", ".join(f"{quote_identifier(name)} DESC" for name in position)
    place = f'row_number() OVER (PARTITION BY {_listed(key)} ORDER BY {descending}) AS "_hw_place"'
    passed = f'EXISTS (SELECT 1 FROM {former} AS "former" WHERE {_same(key, "former", "new")} AND {_newer(position)})'
    replaced = f'EXISTS (SELECT 1 FROM {applied} AS "new" WHERE {_same(key, "new", "kept")})'
    gained = f"SELECT {columns}, CAST(1 AS BIGINT) AS {_diff} FROM {applied} WHERE NOT {_deleted}"
    lost = (
        f'SELECT {columns}, CAST(-1 AS BIGINT) AS {_diff} FROM {former} AS "kept" WHERE NOT {_deleted} AND {replaced}'
    )
    delta = (
        f"SELECT {columns}, CAST(sum({_diff}) AS BIGINT) AS {_diff} FROM ({gained} UNION ALL {lost}) "
        f"GROUP BY {columns} HAVING sum({_diff}) <> 0"
    )
    return Program(
        relation=source,
        kind=BlockKind.KEYED,
        mode=ChangeMode.REPLACE,
        inputs=(Input(source, "change"),),
        statements=(),
        rebuild=(),
        blocks=(_block(source, key),),
        steps=(
            Statement(
                newest, f'SELECT {kept} FROM (SELECT *, {place} FROM {change}) AS "placed" WHERE "_hw_place" = 1'
            ),
            Keep(state, newest),
            Statement(
                former,
                f'SELECT {kept} FROM {state} AS "kept" '
                f'WHERE EXISTS (SELECT 1 FROM {newest} AS "new" WHERE {_same(key, "new", "kept")})',
            ),
            Statement(applied, f'SELECT {kept} FROM {newest} AS "new" WHERE NOT {passed}'),
            Statement(
                superseded_of(source),
                f'SELECT {_listed([*key, SOURCE_COLUMN, OFFSET_COLUMN])} FROM {change} AS "new" WHERE {passed}',
            ),
            Delete(state, replaced),
            Insert(state, f"SELECT {kept} FROM {applied}"),
            Statement(relation("delta", source), delta),
        ),
        states=(state,),
        content=f"SELECT {columns} FROM {state} WHERE NOT {_deleted}",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(quote_identifier, names))


def _same(key: Sequence[str], left: str, right: str) -> str:
    return " AND ".join(f'"{left}".{quote_identifier(name)} = "{right}".{quote_identifier(name)}' for name in key)


def _newer(position: Sequence[str]) -> str:
    """The condition that the former change stands behind the new one."""
    ways = []
    for at, name in enumerate(position):
        equal = [f'"former".{quote_identifier(each)} = "new".{quote_identifier(each)}' for each in position[:at]]
        ways.append(" AND ".join([*equal, f'"former".{quote_identifier(name)} > "new".{quote_identifier(name)}']))
    return f"({' OR '.join(f'({way})' for way in ways)})"


def _block(source: RelationName, key: Sequence[str]) -> Block:
    return Block(
        name=source.name,
        kind=BlockKind.KEYED,
        why="the newest change of a key is its row",
        state="the newest change of every key, deletions too",
        key=tuple(key),
        bounded=False,
    )
