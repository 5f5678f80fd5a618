"""From a project to its plan: what earlier plans left in the caches, and what is worked out anew.

Apart from what is shown of a plan because here caches, plugins and processes
come in, which the plan itself knows nothing of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from headwater.api.cache import FileCache
from headwater.api.forking import can_fork, in_forks
from headwater.api.project import Project
from headwater.api.sources import source_schemas
from headwater.errors import DeclarationError, HeadwaterError, did_you_mean
from headwater.plan.build import build_plan
from headwater.plan.cache import reading_key
from headwater.plan.steps import Plan, Recorded
from headwater.spec.declarations import Model, PartitionField
from headwater.spi import discovery
from headwater.spi.table import TableSpec
from headwater.types import RelationName, Schema

__all__ = ["build", "understand_ahead"]

many_models: Final = 100
"""So many that no earlier plan knows are worth a second process."""


def build(
    project: Project, recorded: Mapping[RelationName, Recorded], unknown: Callable[[], None] = lambda: None
) -> Plan:
    """Plan; ``unknown`` is called before anything is worked out that no earlier plan has left in the caches."""
    schemas, analyses = FileCache(project.root, "schemas", unknown), FileCache(project.root, "plan", unknown)
    planned = _planned(project, recorded, schemas, analyses)
    schemas.save()
    analyses.save()
    return planned


def _planned(
    project: Project, recorded: Mapping[RelationName, Recorded], schemas: FileCache, analyses: FileCache
) -> Plan:
    name = project.environment.engine
    engines = discovery.kinds("engine")
    if name not in engines:
        raise DeclarationError(
            f"there is no engine '{name}'", hint=did_you_mean(name, engines), where=project.environment.where
        )
    return build_plan(
        project.workspace,
        project.environment,
        recorded=recorded,
        discovered=source_schemas(project, schemas),
        binder=lambda sql, relations: discovery.engine(name).bind(sql, relations),
        cache=analyses,
        engine=f"{name} {_version(name)}",
        capabilities=lambda output: discovery.table_format(output).capabilities,
        storage=_check_storage,
    )


def understand_ahead(project: Project, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Where no earlier plan knows most of many models, have two processes fill the caches, half of the models each.

    What a half cannot be planned without, models of the other one, stays to be worked out by the plan that
    follows; so do all errors. Nothing happens where a fork is not possible.
    """
    models = project.workspace.models
    if len(models) < many_models or not can_fork():
        return
    schemas, analyses = FileCache(project.root, "schemas"), FileCache(project.root, "plan")
    unknown = [name for name, model in models.items() if reading_key(model.query) not in analyses]
    if len(unknown) < many_models:
        return
    names, half = list(models), len(models) // 2
    parts = [{name: models[name] for name in part} for part in (names[:half], names[half:])]
    works = [partial(_entries_of, project, part, schemas, analyses) for part in parts]
    for found in in_forks(works, meanwhile):
        for cache, entries in zip((schemas, analyses), found or (), strict=False):
            for key, entry in entries.items():
                cache.put(key, entry)
    schemas.save()
    analyses.save()


def _entries_of(
    project: Project, models: Mapping[RelationName, Model], schemas: FileCache, analyses: FileCache
) -> tuple[dict[str, str], dict[str, str]]:
    """What planning some models of a workspace adds to the caches."""
    with suppress(HeadwaterError):
        _planned(replace(project, workspace=replace(project.workspace, models=models)), {}, schemas, analyses)
    return schemas.added, analyses.added


def _check_storage(output: str, schema: Schema, partition_by: Sequence[PartitionField]) -> None:
    """Raise DeclarationError when a table format cannot store such a table."""
    discovery.table_format(output).check(TableSpec(schema, tuple(partition_by)))


def _version(package: str) -> str:
    """The version of the library that an engine is named after; '' for any other."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
