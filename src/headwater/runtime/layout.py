"""Where an environment keeps its work files, below the workspace's ``.headwater`` folder.

Apart from those who read and write them, so that no path is put together twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from headwater.errors import UsageError
from headwater.spec.declarations import Environment
from headwater.spi.table import TableLocation
from headwater.types import Json, RelationName
from headwater.values import frozen

__all__ = ["Layout"]

work_folder: Final = ".headwater"


@frozen
class Layout:
    """Paths and URLs of one environment of one workspace; ``root`` is absolute."""

    root: Path
    environment: Environment

    @property
    def folder(self) -> Path:
        return self.root / work_folder / self.environment.name

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def lake(self) -> str:
        """The lake: an absolute folder, or a URI as it was declared."""
        path = self.environment.lake.path.replace("{environment}", self.environment.name)
        return path if "://" in path else str(self.root / path)

    @property
    def metadata(self) -> str:
        """The URL of the metadata store."""
        return self.environment.metadata or f"sqlite:///{self.folder / 'metadata.db'}"

    @property
    def engine_settings(self) -> dict[str, Json]:
        """The environment's settings for the engine, which may read the workspace and the lake, and nothing else.

        Behind the parser's allow-list this is the second wall: a query that found a way to name a file
        still cannot open one outside. An environment's own ``allowed_directories`` are added.
        """
        settings = dict(self.environment.settings)
        declared = settings.get("allowed_directories")
        further = declared if isinstance(declared, list) else []
        settings["allowed_directories"] = [str(self.root), self.lake, *further]
        return settings

    def state(self, product: str) -> Path:
        """The state file of a product. Raises UsageError for a name that is no file name."""
        if Path(product).name != product:
            raise UsageError(f"'{product}' cannot be a product's name", hint="use letters, digits, '_' and '-'")
        return self.folder / "state" / f"{product}.duckdb"

    def table_folder(self, relation: RelationName) -> str:
        """Where a table's files lie, in every format."""
        return f"{self.lake}/{relation.product}/{relation.name}"

    def table(self, relation: RelationName) -> TableLocation:
        return TableLocation(lake=self.lake, relation=relation, catalog=self.environment.lake.catalog)
