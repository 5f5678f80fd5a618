"""The workspace and environment that a call is about.

Apart from what is done with them so that every function of the api starts from
the same value, and finding ``headwater.yaml`` is decided once.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from headwater import spec
from headwater.errors import UsageError, did_you_mean
from headwater.runtime.layout import Layout
from headwater.spec.declarations import Environment, Workspace
from headwater.spec.secrets import resolve_text
from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["Project", "find_root", "load", "relation_named"]

workspace_file: Final = "headwater.yaml"


@frozen
class Project:
    """A workspace, read and valid in itself, and the environment to work in."""

    workspace: Workspace
    environment: Environment

    @property
    def root(self) -> Path:
        return Path(self.workspace.root)

    @property
    def spool(self) -> Path:
        """Where unpacked files are kept."""
        return Layout(self.root, self.environment).spool

    @property
    def layout(self) -> Layout:
        """Where the environment keeps its files; references to secrets in its URLs are resolved.

        Raises:
            UsageError: a variable is not set, or a secret's file cannot be read.
        """
        declared = self.environment
        lake = replace(declared.lake, catalog=self._resolved(declared.lake.catalog))
        return Layout(self.root, replace(declared, metadata=self._resolved(declared.metadata), lake=lake))

    def _resolved(self, url: str | None) -> str | None:
        if url is None:
            return None
        return resolve_text(url, os.environ, lambda path: (self.root / path).read_text(encoding="utf-8"))


def load(directory: str | Path = ".", environment: str | None = None) -> Project:
    """Read the workspace that ``directory`` belongs to.

    Args:
        directory: the folder with ``headwater.yaml``, or any folder below it.
        environment: a declared environment; None takes the default one.

    Raises:
        UsageError: there is no ``headwater.yaml``, or no such environment.
        DeclarationErrors: all that is wrong with the workspace's files.
    """
    workspace = spec.read_workspace(find_root(Path(directory)))
    name = environment or workspace.default_environment
    if name not in workspace.environments:
        raise UsageError(
            f"there is no environment '{name}' in {workspace_file}", hint=did_you_mean(name, workspace.environments)
        )
    return Project(workspace, workspace.environments[name])


def find_root(directory: Path) -> Path:
    """The nearest folder with ``headwater.yaml``, from ``directory`` upwards; raises UsageError."""
    start = directory.resolve()
    for folder in (start, *start.parents):
        if (folder / workspace_file).is_file():
            return folder
    raise UsageError(
        f"there is no {workspace_file} in {directory} or in a folder above it",
        hint="name the workspace with -C DIR, or start one with 'headwater init'",
    )


def relation_named(project: Project, text: str) -> RelationName:
    """The declared source or model that ``text`` names: ``product.relation``, or its name alone when that is unique.

    Raises:
        UsageError: there is none, or there are several.
    """
    declared = sorted({*project.workspace.models, *project.workspace.sources})
    by_name = {str(relation).casefold(): relation for relation in declared}
    if text.casefold() in by_name:
        return by_name[text.casefold()]
    alone = [relation for relation in declared if relation.name.casefold() == text.casefold()]
    match alone:
        case [relation]:
            return relation
        case []:
            raise UsageError(f"there is no relation '{text}'", hint=did_you_mean(text, by_name))
        case _:
            raise UsageError(
                f"there are {len(alone)} relations named '{text}'", hint=f"name one of: {', '.join(map(str, alone))}"
            )
