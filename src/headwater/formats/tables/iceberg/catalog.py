"""Where an Iceberg table's newest metadata lies: one row of a SQL catalog, swapped in one statement.

The tables are those of pyiceberg's SqlCatalog and Iceberg's JdbcCatalog, so
other engines open headwater's tables by the same catalog (named ``headwater``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from headwater.errors import TransientError, UsageError
from headwater.spi.table import TableLocation
from headwater.types import RelationName

__all__ = ["CATALOG", "CatalogRow", "default_url"]

CATALOG: Final = "headwater"


def default_url(lake: str) -> str:
    """SQLite in the lake's own folder."""
    return f"sqlite:///{Path(lake) / 'catalog.db'}"


_catalogs: Final[dict[str, SqlCatalog]] = {}


def _catalog(url: str, warehouse: str) -> SqlCatalog:
    """One connection pool an address; a SQLite file that was deleted takes its pool with it."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        if url in _catalogs and not path.exists():
            _catalogs.pop(url).engine.dispose()
    if url not in _catalogs:
        _catalogs[url] = SqlCatalog(CATALOG, uri=url, warehouse=warehouse)
    return _catalogs[url]


class CatalogRow:
    """The row of one table: product = namespace, relation = table name."""

    def __init__(self, location: TableLocation) -> None:
        self._name: RelationName = location.relation
        self._lake = location.lake
        self._url = location.catalog or default_url(location.lake)
        self._previous: str | None = None

    @property
    def catalog(self) -> SqlCatalog:
        """Raises UsageError for an URL that is none, TransientError when the database does not answer."""
        with self._failures():
            return _catalog(self._url, self._lake)

    def metadata_location(self) -> str | None:
        """The path of the newest metadata file; None when the table does not exist."""
        query = select(IcebergTables.metadata_location).where(*self._mine())
        catalog = self.catalog
        with self._failures(), catalog.engine.connect() as connection:
            return connection.execute(query).scalar_one_or_none()

    def swap(self, old: str | None, new: str) -> bool:
        """Point the table from one metadata file to the next; False when it no longer points to ``old``."""
        catalog = self.catalog
        if old is None:
            return self._insert(catalog, new)
        statement = (
            update(IcebergTables)
            .where(*self._mine(), IcebergTables.metadata_location == old)
            .values(metadata_location=new, previous_metadata_location=old)
        )
        with self._failures(), catalog.engine.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def delete(self) -> None:
        catalog = self.catalog
        with self._failures(), catalog.engine.begin() as connection:
            connection.execute(delete(IcebergTables).where(*self._mine()))

    def _insert(self, catalog: SqlCatalog, new: str) -> bool:
        row = {
            "catalog_name": CATALOG,
            "table_namespace": self._name.product,
            "table_name": self._name.name,
            "metadata_location": new,
            "previous_metadata_location": None,
            "iceberg_type": "TABLE",
        }
        with self._failures():
            if not catalog.namespace_exists(self._name.product):
                with _ignored_clash():
                    catalog.create_namespace(self._name.product)
            try:
                with catalog.engine.begin() as connection:
                    connection.execute(insert(IcebergTables).values(**row))
            except IntegrityError:
                return False
        return True

    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return (
            IcebergTables.catalog_name == CATALOG,
            IcebergTables.table_namespace == self._name.product,
            IcebergTables.table_name == self._name.name,
        )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise UsageError(
                "the Iceberg catalog's address cannot be used",
                detail=str(error),
                hint="give a SQLAlchemy URL such as postgresql+psycopg://host/database",
            ) from error
        except DBAPIError as error:
            raise TransientError(
                "the Iceberg catalog does not answer",
                detail=str(error.orig),
                hint="run again when no other program holds it",
            ) from error
        except SQLAlchemyError as error:
            raise TransientError("the Iceberg catalog failed", detail=str(error)) from error


@contextmanager
def _ignored_clash() -> Iterator[None]:
    """Another writer made the namespace at the same moment."""
    try:
        yield
    except (NamespaceAlreadyExistsError, IntegrityError):
        return
