"""The tables of an environment, opened once and kept open, and what each must look like.

Apart from the epochs so that a handle is shared by everything in a run that
reads or publishes the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, wait
from pathlib import Path

from headwater.plan.steps import ModelStep
from headwater.quality.checks import Judgement
from headwater.quality.quarantine import QUARANTINE_SCHEMA
from headwater.runtime.layout import Layout
from headwater.spi import discovery
from headwater.spi.table import Table, TableSpec
from headwater.types import RelationName

__all__ = ["Tables", "model_spec", "quarantine_spec"]


class Tables:
    """Handles by relation and format; a handle sees its own commits without being opened again."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._opened: dict[tuple[RelationName, str], Table] = {}
        self._occupied: dict[RelationName, Future[None]] = {}

    def occupy(self, relations: Iterable[RelationName], until: Future[None]) -> None:
        """Have whoever opens the tables of relations wait until another thread is done with them, well or not."""
        self._occupied = dict.fromkeys(relations, until)

    def open(self, relation: RelationName, format: str) -> Table:
        """The table's handle, once nobody else is at work on the table.

        Raises:
            UsageError: the format's plugin or its extra is missing.
        """
        if relation in self._occupied:
            wait([self._occupied[relation]])
        key = (relation, format)
        if key not in self._opened:
            self._opened[key] = discovery.table_format(format).open(self._layout.table(relation))
        return self._opened[key]

    def has_folder(self, relation: RelationName) -> bool:
        """Whether a table's folder is there: cheap, since nothing is opened; True where the lake is no local folder."""
        folder = self._layout.table_folder(relation)
        return "://" in folder or Path(folder).is_dir()


def model_spec(step: ModelStep) -> TableSpec:
    """What a model's table must look like."""
    return TableSpec(
        schema=step.analysis.schema,
        partition_by=step.partition_by,
        renames=step.renames,
        properties={"headwater.fingerprint": step.fingerprint, **_promise(step.judgement)},
    )


def quarantine_spec(relation: RelationName) -> TableSpec:
    return TableSpec(schema=QUARANTINE_SCHEMA, description=f"rows that the contract of {relation} refused")


def _promise(judgement: Judgement | None) -> dict[str, str]:
    if judgement is None:
        return {}
    return {"headwater.contract": judgement.contract_id, "headwater.contract_version": judgement.contract_version}
