"""Publishing what a result gained and lost: which data files of its table go, and what is written in their stead.

Apart from publication because the question is another one: not what becomes of the rows of
an epoch, but where in the table the rows lie that are no longer part of the result. Files
that hold none of them are neither read nor written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from headwater.incremental.program import Program
from headwater.plan.steps import ModelStep
from headwater.relations import DIFF_COLUMN, relation
from headwater.runtime.epoch import Parts
from headwater.runtime.workbench import Workbench
from headwater.spi.codec import FILE_COLUMN, ROW_COLUMN
from headwater.spi.table import Footing
from headwater.types import RelationName, quote_identifier
from headwater.values import frozen

__all__ = [
    "ChangeSet",
    "Rewriting",
    "change_set",
    "forget_unpublished",
    "gather",
    "is_spread",
    "is_to_be_replaced",
    "parts_of",
    "replace_later",
    "set_aside",
]

LARGEST_SHARE: Final = 0.5
"""Of a table's bytes: where more would be written again, the whole result is written from what is kept of it."""

FIRST_ROWS: Final = 20_000
"""Of each file, which are looked at before all are: fewer than engines write into a row group."""

_times: Final = quote_identifier("_hw_times")
_group: Final = quote_identifier("_hw_group")


@frozen
class ChangeSet:
    """How a table comes to its next content.

    ``without`` are the files that go, ``query`` yields what is written: the rows of these files that stay, and the
    ``gained`` ones, which get files of their own by ``parts``. ``survivors`` yields all rows that stay; ``rows`` is
    how many the table then has.
    """

    without: tuple[str, ...]
    query: str
    parts: Parts | None
    gained: str
    survivors: str
    rows: int

    @property
    def is_nothing(self) -> bool:
        return not self.query


@frozen
class Rewriting:
    """It is cheaper to replace the whole, whose number of rows is known."""

    rows: int


def set_aside(bench: Workbench, program: Program, changes: str) -> None:
    """Keep what a result gained and lost until it is published: the epoch is not the last one of its run."""
    kept = _unpublished(program.relation)
    bench.kept.keep(kept, f"({changes})")
    bench.session.execute(f"INSERT INTO {kept} {changes}")


def is_spread(bench: Workbench, model: ModelStep, changes: str, footing: Footing) -> bool:
    """Whether rows that are lost lie all over a table: then all of it is written again, whatever else is lost."""
    name, delta = model.relation, relation("delta", model.relation)
    if len(footing.files.files) == 1:  # which is written in parts next time, so that changes may lie together
        return False
    before = bench.mark()
    bench.create(delta, f"SELECT {model.analysis.schema.listed}, {DIFF_COLUMN} FROM ({changes})")
    _lose(bench, model, footing)
    spread = _is_large(footing, _surely_touched(bench, model))
    bench.drop_since(before, name)
    return spread


def replace_later(bench: Workbench, program: Program, changes: str) -> None:
    """Remember that the whole result is published next; what it gained and lost need not be kept until then."""
    bench.kept.drop(_unpublished(program.relation))
    bench.kept.keep(_whole(program.relation), f"({changes})")


def is_to_be_replaced(bench: Workbench, name: RelationName) -> bool:
    """Whether :func:`replace_later` said so since the result was published."""
    return bench.kept.has(_whole(name))


def gather(bench: Workbench, model: ModelStep, changes: str | None) -> None:
    """Make ``delta.<name>``: what the result gained and lost since it was published, in earlier epochs too."""
    name, columns = model.relation, model.analysis.schema.listed
    made, kept = relation("delta", name), _unpublished(name)
    if bench.has(made):
        bench.drop(made)
    query = changes
    if bench.kept.has(kept):
        both = f"SELECT {columns}, {DIFF_COLUMN} FROM {kept}"
        if changes is not None:
            both += f" UNION ALL SELECT {columns}, {DIFF_COLUMN} FROM ({changes})"
        times = f"CAST(sum({DIFF_COLUMN}) AS BIGINT) AS {DIFF_COLUMN}"
        query = f"SELECT {columns}, {times} FROM ({both}) GROUP BY {columns} HAVING sum({DIFF_COLUMN}) <> 0"
    if query is None:
        query = f"SELECT *, CAST(0 AS BIGINT) AS {DIFF_COLUMN} FROM ({bench.nothing(model.analysis.schema)})"
    bench.create(made, query)


def forget_unpublished(bench: Workbench, name: RelationName) -> None:
    """All of the result is published with this epoch."""
    bench.kept.drop(_unpublished(name))
    bench.kept.drop(_whole(name))


def change_set(bench: Workbench, model: ModelStep, footing: Footing) -> ChangeSet | Rewriting | None:
    """What ``delta.<name>`` makes of the table that stands on ``footing``.

    None where the table does not hold what is to be taken away.
    """
    name, columns, delta = model.relation, model.analysis.schema.listed, relation("delta", model.relation)
    came, went = bench.session.fetch(
        f"SELECT coalesce(sum({DIFF_COLUMN}) FILTER (WHERE {DIFF_COLUMN} > 0), 0), "
        f"coalesce(-sum({DIFF_COLUMN}) FILTER (WHERE {DIFF_COLUMN} < 0), 0) FROM {delta}"
    )[0]
    gained = _gained(model)
    rows = footing.rows + int(came) - int(went)
    if not went:
        located = _locate(bench, model, footing, "located", range(len(footing.files.files)))
        return ChangeSet((), gained if came else "", None, gained, f"SELECT {columns} FROM {located}", rows)
    if went > footing.rows * LARGEST_SHARE or len(footing.files.files) == 1:
        return Rewriting(rows)
    _lose(bench, model, footing)
    if _is_large(footing, _surely_touched(bench, model)):
        return Rewriting(rows)
    touched = _take(bench, model, int(went))
    if touched is None:
        return None
    if _is_large(footing, touched):
        return Rewriting(rows)
    rewritten = _locate(bench, model, footing, "rewritten", touched)
    stays = f"SELECT {columns} FROM {rewritten} AS kept WHERE NOT EXISTS ({_taken_of(name, touched)})"
    survivors = (
        f"SELECT {columns} FROM {_named('located', name)} AS kept WHERE NOT EXISTS (SELECT 1 FROM "
        f"{_named('taken', name)} AS taken WHERE taken.{FILE_COLUMN} = kept.{FILE_COLUMN} "
        f"AND taken.{ROW_COLUMN} = kept.{ROW_COLUMN})"
    )
    without = tuple(footing.files.files[file].name for file in touched)
    parts = Parts(stays, lambda _: gained) if came else None
    return ChangeSet(without, f"{stays} UNION ALL {gained}", parts, gained, survivors, rows)


def parts_of(bench: Workbench, model: ModelStep, whole: str, expected: int) -> Parts | None:
    """The whole result in two parts: those like gained rows apart, because what changed last often changes next.

    Args:
        whole: yields all of it.
        expected: how many rows it has, refused ones included.
    """
    columns, delta = model.analysis.schema.listed, relation("delta", model.relation)
    came = int(
        bench.session.fetch(f"SELECT coalesce(sum({DIFF_COLUMN}), 0) FROM {delta} WHERE {DIFF_COLUMN} > 0")[0][0]
    )
    if not came:
        return None
    alike = f"SELECT 1 FROM {delta} AS gained WHERE {DIFF_COLUMN} > 0 AND {_same(model, 'gained')}"
    query = f"SELECT {columns} FROM ({whole}) AS kept WHERE"
    # Where all numbers agree, no gained row has an equal one that was there before.
    return Parts(
        f"{query} NOT EXISTS ({alike})",
        lambda old: _gained(model) if old + came == expected else f"{query} EXISTS ({alike})",
    )


def _gained(model: ModelStep) -> str:
    columns, delta = model.analysis.schema.listed, relation("delta", model.relation)
    return (
        f"SELECT {columns} FROM {delta} WHERE {DIFF_COLUMN} = 1 UNION ALL SELECT {columns} FROM {delta} "
        f'CROSS JOIN UNNEST(generate_series(1, {DIFF_COLUMN})) AS "_hw_copies"("_hw_copy") WHERE {DIFF_COLUMN} > 1'
    )


def _same(model: ModelStep, other: str) -> str:
    """The condition that a row ``kept`` equals one of another relation, NULLs and NaNs included."""
    names = (quote_identifier(each.name) for each in model.analysis.schema)
    return " AND ".join(f"kept.{column} IS NOT DISTINCT FROM {other}.{column}" for column in names)


def _lose(bench: Workbench, model: ModelStep, footing: Footing) -> None:
    """Make ``lost.<name>``, the rows that go, and ``located.<name>``, those of the table with where they lie."""
    columns = model.analysis.schema.listed
    bench.create(
        _named("lost", model.relation),
        f"SELECT {columns}, -{DIFF_COLUMN} AS {_times}, row_number() OVER () AS {_group} "
        f"FROM {relation('delta', model.relation)} WHERE {DIFF_COLUMN} < 0",
    )
    _locate(bench, model, footing, "located", range(len(footing.files.files)))


def _is_large(footing: Footing, touched: list[int]) -> bool:
    """Whether so much of the table lies in these files that it is not worth to spare the others."""
    sizes = [file.size for file in footing.files.files]
    return sum(sizes[file] for file in touched) > sum(sizes) * LARGEST_SHARE


def _surely_touched(bench: Workbench, model: ModelStep) -> list[int]:
    """Files among whose first rows are some that go: a change all over the table shows there, at little cost."""
    located, lost = _named("located", model.relation), _named("lost", model.relation)
    return _files(
        bench,
        f"{located} AS kept JOIN {lost} AS lost ON {_same(model, 'lost')} WHERE kept.{ROW_COLUMN} < {FIRST_ROWS}",
    )


def _files(bench: Workbench, rows: str) -> list[int]:
    return [int(file) for (file,) in bench.session.fetch(f"SELECT DISTINCT {FILE_COLUMN} FROM {rows} ORDER BY ALL")]


def _take(bench: Workbench, model: ModelStep, went: int) -> list[int] | None:
    """Make ``taken.<name>``: where the rows lie that go, equal ones as often as they go; returns their files.

    None where they are not all there.
    """
    name = model.relation
    lost, located, taken = (_named(role, name) for role in ("lost", "located", "taken"))
    place = f"{FILE_COLUMN}, {ROW_COLUMN}"
    found = bench.create(
        taken,
        f"SELECT {place} FROM (SELECT kept.{FILE_COLUMN}, kept.{ROW_COLUMN}, lost.{_times}, row_number() OVER "
        f"(PARTITION BY lost.{_group} ORDER BY kept.{FILE_COLUMN}, kept.{ROW_COLUMN}) AS _hw_nth "
        f"FROM {located} AS kept JOIN {lost} AS lost ON {_same(model, 'lost')}) WHERE _hw_nth <= {_times}",
    )
    if found != went:
        return None
    return _files(bench, taken)


def _taken_of(name: RelationName, touched: list[int]) -> str:
    """A condition's query: the row of ``kept``, a view of some files only, is among those that go."""
    numbers = ", ".join(f"({at}, {file})" for at, file in enumerate(touched))
    return (
        f"SELECT 1 FROM {_named('taken', name)} AS taken JOIN (VALUES {numbers}) AS numbered (here, there) "
        f"ON taken.{FILE_COLUMN} = numbered.there "
        f"WHERE numbered.here = kept.{FILE_COLUMN} AND taken.{ROW_COLUMN} = kept.{ROW_COLUMN}"
    )


def _locate(bench: Workbench, model: ModelStep, footing: Footing, role: str, files: range | list[int]) -> str:
    """A relation of the rows of some files, with where they lie; returns its identifier."""
    made = _named(role, model.relation)
    scan = replace(footing.files, files=tuple(footing.files.files[file] for file in files), located=True)
    bench.view(made, scan, model.analysis.schema)
    return made


def _named(role: str, name: RelationName) -> str:
    return quote_identifier(f"{role}.{name}")


def _unpublished(name: RelationName) -> str:
    return quote_identifier(f"state.{name}/#unpublished")


def _whole(name: RelationName) -> str:
    """A table without rows: that it is there says that all of the result is published next."""
    return quote_identifier(f"state.{name}/#whole")
