"""Queries that read each other, compiled in order: what a plan does with a product's models, without a workspace.

Apart from the bench that runs the programs, which asks nothing of the language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headwater.errors import DeclarationError
from headwater.incremental.compiler import compile_program
from headwater.incremental.program import Given, Program
from headwater.sql.analyse import analyse
from headwater.sql.analysis import Analysis, Binder
from headwater.testing.programs import ProgramRun, Source
from headwater.types import RelationName, Schema, quote_identifier
from headwater.values import frozen

__all__ = ["Model", "batch_query", "compile_models"]


@frozen
class Model:
    """A model: its query understood, and the program that maintains it."""

    name: RelationName
    query: str
    analysis: Analysis
    program: Program


def compile_models(sources: Sequence[Source], queries: Mapping[RelationName, str], binder: Binder) -> tuple[Model, ...]:
    """Compile queries, each after those it reads.

    Args:
        queries: in order. An unqualified name in one is a relation of its own product.
    """
    schemas: dict[RelationName, Schema] = {source.name: source.schema for source in sources}
    given: dict[RelationName, Given] = {source.name: source.given for source in sources}
    models = []
    for name, query in queries.items():
        model = _compiled(name, query, schemas, given, binder)
        schemas[name] = model.analysis.schema
        given[name] = Given(model.program.mode, model.program.clocks, model.program.settled)
        models.append(model)
    return tuple(models)


def _compiled(
    name: RelationName,
    query: str,
    schemas: Mapping[RelationName, Schema],
    given: Mapping[RelationName, Given],
    binder: Binder,
) -> Model:
    def resolve(parts: tuple[str, ...]) -> RelationName:
        found = RelationName(parts[0] if len(parts) > 1 else name.product, parts[-1])
        if found not in schemas:
            raise DeclarationError(f"there is no relation {found}")
        return found

    event_times = {read: time for read, known in given.items() if (time := known.event_time(read)) is not None}
    analysis = analyse(query, name=name, resolve=resolve, schemas=schemas, binder=binder, event_times=event_times)
    program = compile_program(
        name, analysis, {read: given[read] for read in analysis.reads}, schemas=schemas, binder=binder
    )
    return Model(name, query, analysis, program)


def batch_query(run: ProgramRun, model: Model) -> str:
    """The model's query over all rows that what it reads has now.

    When every model of a chain equals its own, the chain equals the batch result of the whole.
    """
    named = ", ".join(
        f"{quote_identifier(str(name))} AS NOT MATERIALIZED ({run.rows(name)})" for name in model.analysis.reads
    )
    return f"WITH {named} SELECT * FROM ({model.analysis.engine_sql})" if named else model.analysis.engine_sql
