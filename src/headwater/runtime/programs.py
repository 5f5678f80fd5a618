"""Running programs that keep state: their steps in order, on the epoch's changes or anew on everything.

Apart from the computation, which decides when a program runs; here is how.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from headwater.incremental.moments import BEGINNING, Marks
from headwater.incremental.program import Delete, Input, Insert, Keep, Program, Take
from headwater.relations import DIFF_COLUMN, OFFSET_COLUMN, SOURCE_COLUMN, Statement, relation
from headwater.runtime.definitions import Definitions
from headwater.runtime.workbench import Workbench
from headwater.types import RelationName

__all__ = ["content", "run_steps"]


def run_steps(bench: Workbench, program: Program, *, anew: bool) -> str:
    """Run the steps of a program; returns the query of its last one.

    Args:
        anew: what it kept was forgotten, and it reads all rows of its inputs as if they came now.
    """
    over = _everything(bench, program) if anew else _changes(bench, program)
    marks = _marks(bench, program, anew=anew)
    for step in program.steps[:-1]:
        match step:
            case Statement(creates, sql):
                bench.create(creates, *program.bound(over(sql), marks))
            case Keep(state, like):
                bench.kept.keep(state, f"({over(f'SELECT * FROM {like}')})" if like.startswith("(") else like)
            case Insert(state, sql):
                bench.session.execute(*program.bound(f"INSERT INTO {state} {over(sql)}", marks))
            case Delete(state, where):
                bench.session.execute(*program.bound(f'DELETE FROM {state} AS "kept" WHERE {where}', marks))
            case Take(creates, state, where):
                bench.session.take(creates, state, *program.bound(where, marks))
                bench.made(creates)
            case _:
                assert_never(step)
    match program.step_at(program.steps[-1], marks):
        case Statement(_, sql):
            return over(sql)
        case _:
            raise AssertionError("a program ends with a statement")


def content(program: Program) -> str:
    """The query of the whole result of a program that is published by replacing, in the shape of a candidate."""
    origin = f"CAST(NULL AS VARCHAR) AS {SOURCE_COLUMN}, CAST(NULL AS BIGINT) AS {OFFSET_COLUMN}"
    return f'SELECT "rows".*, {origin} FROM ({program.content}) AS "rows"'


def _changes(bench: Workbench, program: Program) -> Callable[[str], str]:
    """Make what the steps read relations of the engine: several steps read them."""
    bench.provide((read.relation, read.role) for read in program.inputs if read.role != "watermark")
    return lambda sql: sql


def _everything(bench: Workbench, program: Program) -> Callable[[str], str]:
    """Steps over everything: their inputs are named anew in front of each statement that reads them."""
    named = Definitions()
    inputs = [read for read in program.inputs if read.role != "watermark"]
    for read in inputs:
        named.add(relation(read.role, read.relation), _whole(bench, read), ())
    names = [relation(read.role, read.relation) for read in inputs]
    return lambda sql: named.over([name for name in names if name in sql], sql)


def _marks(bench: Workbench, program: Program, *, anew: bool) -> dict[RelationName, Marks]:
    """The watermarks that the steps depend on; anew, no time had passed before."""
    found = {read.relation: bench.marks(read.relation) for read in program.inputs if read.role == "watermark"}
    return {name: Marks(BEGINNING, marks.now) for name, marks in found.items()} if anew else found


def _whole(bench: Workbench, read: Input) -> str:
    """All rows of an input, in the shape of the role in which the steps read it."""
    bench.provide([(read.relation, "history")])
    history = relation("history", read.relation)
    times = f", CAST(1 AS BIGINT) AS {DIFF_COLUMN}" if read.role == "delta" else ""
    return f"SELECT *{times} FROM {history}"
