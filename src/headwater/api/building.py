"""From a project to its plan: what earlier plans left in the caches, and what is worked out anew.

Apart from what is shown of a plan because here caches, plugins and processes
come in, which the plan itself knows nothing of.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from headwater.api.cache import FileCache
from headwater.api.forking import can_fork, in_forks
from headwater.api.project import Project
from headwater.api.shares import Turns, shares
from headwater.api.sources import source_schemas
from headwater.errors import DeclarationError, HeadwaterError, did_you_mean
from headwater.plan.build import build_plan
from headwater.plan.cache import reading_key
from headwater.plan.codec import Understood
from headwater.plan.steps import Plan, Recorded
from headwater.spec.declarations import PartitionField
from headwater.spi import discovery
from headwater.spi.table import TableSpec
from headwater.types import RelationName, Schema

__all__ = ["build"]

few_models: Final = 8
"""So many that no earlier plan knows are worth a second process."""


def build(
    project: Project, recorded: Mapping[RelationName, Recorded], unknown: Callable[[], None] = lambda: None
) -> Plan:
    """Plan; ``unknown`` is called before anything is worked out that no earlier plan has left in the caches.

    What is not known of many models is worked out by two processes, where a fork is possible.
    """
    schemas, analyses = FileCache(project.root, "schemas", unknown), FileCache(project.root, "plan", unknown)
    discovered = source_schemas(project, schemas)
    understood: dict[str, Understood] = {}
    _understand_in_two(project, discovered, analyses, understood, unknown)
    planned = _planned(project, recorded, discovered, analyses, understood)
    schemas.save()
    analyses.save()
    return planned


def _planned(
    project: Project,
    recorded: Mapping[RelationName, Recorded],
    discovered: Mapping[RelationName, Schema],
    analyses: FileCache,
    understood: dict[str, Understood],
) -> Plan:
    name = _engine(project)
    return build_plan(
        project.workspace,
        project.environment,
        recorded=recorded,
        discovered=discovered,
        binder=lambda sql, relations: discovery.engine(name).bind(sql, relations),
        cache=analyses,
        engine=f"{name} {_version(name)}",
        capabilities=lambda output: discovery.table_format(output).capabilities,
        storage=_check_storage,
        understood=understood,
    )


def _engine(project: Project) -> str:
    """The environment's engine. Raises DeclarationError when there is none of that name."""
    name = project.environment.engine
    engines = discovery.kinds("engine")
    if name not in engines:
        raise DeclarationError(
            f"there is no engine '{name}'", hint=did_you_mean(name, engines), where=project.environment.where
        )
    return name


def _understand_in_two(
    project: Project,
    discovered: Mapping[RelationName, Schema],
    analyses: FileCache,
    understood: dict[str, Understood],
    unknown: Callable[[], None],
) -> None:
    """Fill the cache and ``understood`` with what can be known of models.

    They are worked out here and in a fork, share by share. What a share cannot be planned without, models of
    another one, stays to be worked out by the plan that follows; so do all errors.
    """
    models = project.workspace.models
    new = {name: model for name, model in models.items() if reading_key(model.query) not in analyses}
    if len(new) < few_models:
        return
    unknown()
    if not can_fork():
        return
    for module in ("headwater.sql.language", "headwater.incremental.compiler"):
        importlib.import_module(module)  # once for both
    discovery.engine(_engine(project))
    turns = Turns(shares(models))
    work_out = partial(_worked_out, project, turns, discovered, analyses, understood)
    for worked_out in in_forks([work_out], work_out):
        entries, elsewhere = worked_out or ({}, {})
        understood.update(elsewhere)
        for key, entry in entries.items():
            analyses.put(key, entry)
    turns.close()


def _worked_out(
    project: Project,
    turns: Turns,
    discovered: Mapping[RelationName, Schema],
    analyses: FileCache,
    understood: dict[str, Understood],
) -> tuple[dict[str, str], dict[str, Understood]]:
    """What planning shares of a workspace adds to the cache, as it stands there and as values."""
    for models in turns:
        part = replace(project, workspace=replace(project.workspace, models=models))
        with suppress(HeadwaterError):
            _planned(part, {}, discovered, analyses, understood)
    return analyses.added, understood


def _check_storage(output: str, schema: Schema, partition_by: Sequence[PartitionField]) -> None:
    """Raise DeclarationError when a table format cannot store such a table."""
    discovery.table_format(output).check(TableSpec(schema, tuple(partition_by)))


def _version(package: str) -> str:
    """The version of the library that an engine is named after; '' for any other."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
