"""The workspace as values: environments, connections, sources, models.

Apart from the readers, so that plan and runtime depend on what was declared
and not on how it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, TypeAlias

from headwater.errors import Location
from headwater.spec.contract import Contract
from headwater.spec.product import Product
from headwater.types import Json, RelationName, Schema
from headwater.values import frozen

__all__ = [
    "Connection",
    "Deletion",
    "Environment",
    "EpochSize",
    "Lake",
    "Model",
    "OutputKind",
    "PartitionField",
    "Source",
    "SourceChanges",
    "Workspace",
]

OutputKind: TypeAlias = Literal["parquet", "delta", "iceberg", "view"]
"""Where a model's result lives; a ``view`` is stored nowhere and read through."""


@frozen
class Lake:
    """Where an environment's tables live.

    ``path`` is relative to the workspace or a URI; ``format`` is used for
    models that name no output; ``catalog`` is the SQLAlchemy URL of the Iceberg
    SQL catalog (default: a SQLite file in ``path``).
    """

    path: str = ".headwater/{environment}/lake"
    format: OutputKind = "parquet"
    catalog: str | None = None


@frozen
class EpochSize:
    """About how much of each source an epoch takes, in bytes; at least one file or batch."""

    bytes: int = 256 * 1024 * 1024


@frozen
class Environment:
    """Where and how a workspace runs. ``metadata`` is a URL (default: SQLite in the work folder)."""

    name: str
    engine: str = "duckdb"
    lake: Lake = field(default_factory=Lake)
    metadata: str | None = None
    settings: Mapping[str, Json] = field(default_factory=dict)
    """Engine settings, such as ``memory_limit`` and ``threads``."""
    epoch: EpochSize = field(default_factory=EpochSize)
    where: Location | None = None


@frozen
class Connection:
    """A named outside system. ``options`` may hold ``${env:NAME}`` references, never secrets in clear."""

    name: str
    kind: str
    options: Mapping[str, Json] = field(default_factory=dict)
    where: Location | None = None


@frozen
class Deletion:
    """How a change says that its key is gone: by a column that is true, or not NULL, or one of ``values`` (as text)."""

    column: str
    values: tuple[str, ...] | None = None


@frozen
class SourceChanges:
    """A source whose records are changes of rows by key, not rows.

    ``key`` empty means the contract's primary key. ``order`` are the columns that tell the newer of two
    changes, the first one first; what they leave open, the position in the source decides.
    """

    kind: Literal["upsert", "debezium"] = "upsert"
    key: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    delete: Deletion | None = None
    places: Mapping[str, Location] = field(default_factory=dict, compare=False, repr=False)
    """Where its parts are written: ``changes`` itself, ``key``, ``order``, ``delete``."""

    def place_of(self, part: str) -> Location | None:
        """Where a part stands; the place of the whole when it was not written."""
        return self.places.get(part, self.places.get("changes"))


@frozen
class Source:
    """A declared input: where a relation's rows come from.

    ``relation.product`` is the product that owns the source. ``schema`` is what
    the declaration or the contract says, ``None`` when it is to be discovered.
    ``options`` belong to the connector (``path``, ``format``, ``header`` ...), and
    ``option_places`` say where each of them stands. A ``bounded`` source has ended
    once everything that is there was read. With ``changes`` its records are changes by key, and
    ``schema`` are the columns of the rows that they leave.
    """

    relation: RelationName
    kind: str
    options: Mapping[str, Json] = field(default_factory=dict)
    connection: Connection | None = None
    schema: Schema | None = None
    contract: Contract | None = None
    bounded: bool = False
    where: Location | None = None
    option_places: Mapping[str, Location] = field(default_factory=dict, compare=False, repr=False)
    changes: SourceChanges | None = None

    def place_of(self, option: str) -> Location | None:
        """Where an option stands; the source's own place when it was not written."""
        return self.option_places.get(option, self.where)


@frozen
class PartitionField:
    """A partition column and its transform: ``identity``, ``year``, ``month``, ``day``, ``hour``, ``bucket[n]``."""

    column: str
    transform: str = "identity"


@frozen
class Model:
    """A declared relation: a ``MODEL (...)`` header and the query below it.

    ``query`` is the text as written, starting at ``query_line`` (1-based) of
    ``path``, so that errors inside the query point into the file.
    """

    relation: RelationName
    query: str
    path: str
    query_line: int = 1
    output: OutputKind | None = None
    grain: tuple[str, ...] = ()
    partition_by: tuple[PartitionField, ...] = ()
    description: str | None = None
    tags: tuple[str, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    """New column name to old name: a rename that keeps the data where the format can."""
    contract: Contract | None = None
    where: Location | None = None


@frozen
class Workspace:
    """Everything declared below one ``headwater.yaml``.

    ``root`` is absolute; every other path is relative to it. Products that are
    a folder without ``product.odps.yaml`` have ``Product.descriptor`` None.
    """

    name: str
    root: str
    environments: Mapping[str, Environment]
    default_environment: str
    connections: Mapping[str, Connection]
    products: Mapping[str, Product]
    sources: Mapping[RelationName, Source]
    models: Mapping[RelationName, Model]
    contracts: Mapping[str, Contract]
    """By contract id; a file with several schema objects has its contracts under ``<id>/<schema object>``."""
