"""Published relations made readable in a session: tables, quarantines, and views over them.

Apart from queries because quarantine listings and run summaries read the same
shelf. Names are looked up in the declarations; a relation that was declared
and never published says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.api.project import Project
from headwater.errors import UsageError, did_you_mean
from headwater.quality import QUARANTINE_SCHEMA
from headwater.runtime.tables import Tables
from headwater.spi.engine import Session
from headwater.spi.table import AtTime, AtVersion, Table
from headwater.types import RelationName, Schema, quote_identifier

if TYPE_CHECKING:
    from headwater.api.views import Views

__all__ = ["Shelf", "formats"]


class Shelf:
    """What a project has published, to be read in one session."""

    def __init__(self, project: Project, session: Session) -> None:
        self._project = project
        self._session = session
        self._tables = Tables(project.layout)
        self._formats = formats(project)
        workspace = project.workspace
        self._refusing = {relation.quarantine for relation in (*workspace.models, *workspace.sources)}
        self._views: Views | None = None

    def provide(self, name: str, relation: RelationName, at: AtVersion | AtTime | None = None) -> Schema:
        """Make a relation readable under ``name``, a quoted identifier; returns its newest columns.

        Raises:
            UsageError: it is unknown, a source, a view asked for its past, or not published yet.
        """
        model = self._project.workspace.models.get(relation)
        if model is not None and (model.output or self._project.environment.lake.format) == "view":
            return self._view(name, relation, at)
        found = self.table(relation)
        if found is None and relation in self._refusing and at is None:
            return self._nothing(name)
        if found is None:
            raise UsageError(
                f"{relation} has not been published in the environment '{self._project.environment.name}' yet",
                hint="'headwater run' publishes it",
            )
        self._session.view(name, found.scan(at=at))
        return found.schema()

    def _view(self, name: str, relation: RelationName, at: AtVersion | AtTime | None) -> Schema:
        if at is not None:
            raise UsageError(
                f"{relation} is a view: it has no past of its own", hint="ask the tables it reads for theirs"
            )
        if self._views is None:
            from headwater.api.views import Views

            self._views = Views(self._project, self._session, self.provide)
        return self._views.define(name, relation)

    def _nothing(self, name: str) -> Schema:
        """A quarantine to which nothing was ever refused."""
        columns = ", ".join(f"CAST(NULL AS {c.type}) AS {quote_identifier(c.name)}" for c in QUARANTINE_SCHEMA)
        self._session.define(name, f"SELECT {columns} WHERE false")
        return QUARANTINE_SCHEMA

    def is_stored(self, relation: RelationName) -> bool:
        """Whether the relation has a table that holds something."""
        return relation in self._formats and self.table(relation) is not None

    def table(self, relation: RelationName) -> Table | None:
        """The relation's table; None when it was not published yet. Raises UsageError like :meth:`provide`."""
        found = self._tables.open(relation, self.format(relation))
        return found if found.exists() else None

    def format(self, relation: RelationName) -> str:
        """The table format of a relation that is stored. Raises UsageError for an unknown one and a source."""
        if relation not in self._formats:
            raise self._unknown(relation)
        return self._formats[relation]

    def _unknown(self, relation: RelationName) -> UsageError:
        if relation in self._project.workspace.sources:
            return UsageError(
                f"{relation} is a source: its rows are not published",
                hint="query a model that reads it" + self._readers(relation),
            )
        known = map(str, self._project.workspace.models)
        return UsageError(f"there is no relation '{relation}'", hint=did_you_mean(str(relation), known))

    def _readers(self, relation: RelationName) -> str:
        near = sorted(str(model) for model in self._project.workspace.models if model.product == relation.product)
        return f", such as {near[0]}" if near else ""


def formats(project: Project) -> dict[RelationName, str]:
    """The table format of everything that may be stored: models but views, and each relation's quarantine."""
    workspace, lake = project.workspace, project.environment.lake
    default = "parquet" if lake.format == "view" else lake.format
    found: dict[RelationName, str] = {relation.quarantine: default for relation in workspace.sources}
    for model in workspace.models.values():
        output = model.output or lake.format
        if output != "view":
            found[model.relation] = found[model.relation.quarantine] = output
    return found
