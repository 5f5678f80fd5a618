"""The shape of ``headwater.yaml`` and ``sources.yaml``, as models.

Apart from their readers because the JSON Schemas under ``schemas/`` are
generated from here: every field is described for the editor that completes it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from headwater.spec.models import identifier_problem
from headwater.spec.places import describe

__all__ = [
    "ChangesFile",
    "DeletionFile",
    "EnvironmentFile",
    "EpochFile",
    "LakeFile",
    "SourceFile",
    "SourcesFile",
    "WorkspaceFile",
]


def _check_identifier(name: str) -> str:
    if identifier_problem(name, "workspace"):
        raise ValueError(f"{describe(name)} is no name of letters, digits and underscores that begins with a letter")
    return name


Identifier = Annotated[
    str, AfterValidator(_check_identifier), Field(json_schema_extra={"pattern": "^[A-Za-z_][A-Za-z0-9_]{0,127}$"})
]
"""A name that needs no quotes in SQL."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LakeFile(_Closed):
    """Where an environment's tables live."""

    path: str = Field(
        default=".headwater/{environment}/lake",
        description="Folder, relative to the workspace, or URI. '{environment}' stands for the environment's name.",
        min_length=1,
    )
    format: Literal["parquet", "delta", "iceberg"] = Field(
        default="parquet", description="The table format of models that name no output."
    )
    catalog: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the Iceberg SQL catalog. Default: a SQLite file beside the lake.",
    )


class EpochFile(_Closed):
    """How much an epoch takes: smaller ones publish sooner, larger ones cost less in all."""

    bytes: int = Field(
        default=256 * 1024 * 1024,
        description="About how many bytes of each source; a file is taken whole, so 1 stands for one file at a time.",
        ge=1,
    )


class EnvironmentFile(_Closed):
    """Where and how a workspace runs."""

    engine: str = Field(default="duckdb", description="The engine that runs the models.")
    lake: LakeFile = Field(default_factory=LakeFile, description="Where the tables live.")
    metadata: str | None = Field(
        default=None,
        description="URL of the metadata store, sqlite:/// or postgresql://. Default: SQLite in the work folder.",
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description="Engine settings, such as memory_limit and threads."
    )
    epoch: EpochFile = Field(default_factory=EpochFile, description="How much of the sources a run takes at a time.")


class ConnectionFile(BaseModel):
    """An outside system. Further keys belong to the connector; secrets are references, never values."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    kind: str = Field(description="The connector, such as postgres.", min_length=1)


class DeletionFile(_Closed):
    """The column by which a change says that its key is gone."""

    column: str = Field(description="A column of the records.", min_length=1)
    values: list[str] | None = Field(
        default=None,
        description="The values that mean a deletion, compared as text, such as [d]. Default: a column of truth values "
        "is true, another one is not NULL.",
        min_length=1,
    )


class ChangesFile(_Closed):
    """The records of a source are changes, by key: the newest change of a key is its row."""

    kind: Literal["upsert", "debezium"] = Field(
        default="upsert",
        description="upsert: a record is a row that replaces the one with its key. debezium: records are Debezium's "
        "envelopes (before, after, op), and columns are those of the rows in them.",
    )
    key: list[str] | None = Field(
        default=None,
        description="The columns by which rows are found again. Default: the contract's primary key.",
        min_length=1,
    )
    order: list[str] | None = Field(
        default=None,
        description="The columns that tell the newer of two changes of a key, the first one first; of debezium ts_ms, "
        "source.lsn and the like. Default: the order of files by name, and of records in them.",
        min_length=1,
    )
    delete: DeletionFile | None = Field(
        default=None,
        description="What makes a change a deletion. Default: nothing is deleted; of debezium (where it is not "
        "declared): op is d.",
    )


class SourceFile(BaseModel):
    """Where a relation's rows come from. Further keys belong to the connector, such as path and format."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    kind: str = Field(default="files", description="The connector, such as files.", min_length=1)
    connection: str | None = Field(default=None, description="The name of a connection in headwater.yaml.")
    columns: dict[str, str] | None = Field(
        default=None,
        description="Column names and types, such as 'id: bigint'. Default: the contract's, else they are inferred.",
        min_length=1,
    )
    contract: str | None = Field(
        default=None,
        description="Path of the source's contract, relative to the workspace. Default: a contract of the same "
        "product whose schema object has the source's name.",
    )
    bounded: bool = Field(
        default=False,
        description="Whether what is there is all: once it is read, every window over it closes. Rows that come later "
        "all the same are taken, and what was closed is computed anew.",
    )
    changes: ChangesFile | None = Field(
        default=None, description="What makes its records changes of rows by key. Default: records are rows, each new."
    )


class SourcesFile(_Closed):
    """The sources of one product, beside its models (``sources.yaml``)."""

    sources: dict[str, SourceFile] = Field(description="Sources by name.")


class WorkspaceFile(_Closed):
    """A headwater workspace (``headwater.yaml``)."""

    name: Identifier = Field(description="The workspace's name; models at its root belong to a product of this name.")
    environments: dict[Identifier, EnvironmentFile] = Field(
        default_factory=dict, description="Environments by name. Default: one named dev, on the embedded engine."
    )
    default_environment: str | None = Field(
        default=None,
        description="The environment that commands use when none is named. Default: dev, else the first one.",
    )
    connections: dict[Identifier, ConnectionFile] = Field(default_factory=dict, description="Outside systems by name.")
    sources: dict[str, SourceFile] = Field(
        default_factory=dict,
        description="Sources, as product.name; a name without product belongs to the workspace's own product.",
    )
