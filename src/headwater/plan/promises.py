"""What headers and contracts promise, against what a query yields and a table format can do.

Apart from planning because these are rules about mistakes: each is a function
from declared and known values to errors with their places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from headwater.capabilities import TableCapability
from headwater.errors import DeclarationError, did_you_mean
from headwater.incremental.program import ChangeMode
from headwater.quality.checks import Judgement
from headwater.spec.contract import Contract
from headwater.spec.declarations import Model, OutputKind, PartitionField
from headwater.types import DataType, RelationName, Schema

__all__ = [
    "Capabilities",
    "Storage",
    "capability_errors",
    "event_time_errors",
    "header_errors",
    "reference_errors",
    "storage_errors",
    "view_errors",
]

Capabilities: TypeAlias = Callable[[str], frozenset[TableCapability]]
"""What the table format of a name can do."""

Storage: TypeAlias = Callable[[str, Schema, Sequence[PartitionField]], None]
"""Raises DeclarationError when the table format of a name cannot store such a table."""


def header_errors(model: Model, schema: Schema) -> Iterator[DeclarationError]:
    """Columns that the header names and the query does not yield."""
    named = [("grain", name) for name in model.grain]
    named += [("partition_by", part.column) for part in model.partition_by]
    named += [("renames", name) for name in model.renames]
    for what, name in named:
        if schema.get(name) is None:
            yield DeclarationError(
                f"'{name}' in {what} is no column of '{model.relation}'",
                hint=did_you_mean(name, schema.names),
                where=model.where,
            )


def capability_errors(
    model: Model, output: OutputKind, mode: ChangeMode, capabilities: Capabilities | None
) -> Iterator[DeclarationError]:
    """What the model needs of its table format and does not get; nothing is known when ``capabilities`` is None."""
    if output == "view" or capabilities is None:
        return
    able = capabilities(output)
    wanted = [
        (mode is ChangeMode.REPLACE, TableCapability.REPLACE, "replace its whole content"),
        (bool(model.partition_by), TableCapability.PARTITION, "partition a table"),
        (bool(model.renames), TableCapability.RENAME_COLUMN, "rename a column and keep its data"),
    ]
    for needed, capability, what in wanted:
        if needed and capability not in able:
            yield DeclarationError(
                f"the output '{output}' cannot {what}, which '{model.relation}' needs",
                hint="choose another output in the model's header",
                where=model.where,
            )


def storage_errors(
    model: Model, output: OutputKind, schema: Schema, storage: Storage | None
) -> Iterator[DeclarationError]:
    """Columns and partitions that the table format refuses; nothing is known when ``storage`` is None."""
    if output == "view" or storage is None:
        return
    try:
        storage(output, schema, model.partition_by)
    except DeclarationError as error:
        yield DeclarationError(
            f"'{model.relation}': {error.message}", detail=error.detail, hint=error.hint, where=model.where
        )


def reference_errors(
    contract: Contract, schema: Schema, schema_of: Callable[[RelationName], Schema]
) -> Iterator[DeclarationError]:
    """Columns that a reference leads to and that are not there, or hold values of another kind."""
    for reference in contract.references:
        to = RelationName.parse(reference.to)
        known = schema_of(to)
        for name, there in zip(reference.columns, reference.to_columns, strict=False):
            here, referred = schema.get(name), known.get(there)
            if referred is None:
                yield DeclarationError(
                    f"'{to}' has no column '{there}' to refer to",
                    hint=did_you_mean(there, known.names),
                    where=reference.where,
                )
            elif here is not None and _kind(here.type) != _kind(referred.type):
                yield DeclarationError(
                    f"'{name}' is {here.type} and refers to '{to}.{there}', which is {referred.type}",
                    hint="cast one of them where it is made: a value has no equal of another type",
                    where=reference.where,
                )


def _kind(type: DataType) -> str:
    """What types have in common whose values are compared without a cast of either."""
    if type.is_numeric:
        return "number"
    return "moment" if type.name.startswith(("TIMESTAMP", "DATE")) else str(type)


def event_time_errors(contract: Contract, schema: Schema) -> Iterator[DeclarationError]:
    """An event time that is no point in time."""
    timed = contract.event_time and schema.get(contract.event_time.column)
    if contract.event_time and timed and not timed.type.name.startswith(("TIMESTAMP", "DATE")):
        yield DeclarationError(
            f"the event time '{timed.name}' is {timed.type}, which is no point in time",
            hint="event time is a TIMESTAMP, a TIMESTAMP WITH TIME ZONE or a DATE",
            where=contract.event_time.where,
        )


def view_errors(model: Model, output: OutputKind, judgement: Judgement | None) -> Iterator[DeclarationError]:
    """A view whose contract would have to be applied."""
    if output == "view" and judgement is not None and judgement.checks:
        yield DeclarationError(
            f"the contract of the view '{model.relation}' cannot be applied: a view is stored nowhere",
            hint="give the model an output (parquet, delta or iceberg), or put the rules into its readers' contracts",
            where=model.where,
        )
