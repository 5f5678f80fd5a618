"""Finding plugins by entry point: built-ins and third parties alike.

A plugin that fails to import is an error that names its cause when it is asked
for; two plugins with one name are an error, never a silent choice.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Final, cast

from headwater.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from headwater.spi.engine import Engine
    from headwater.spi.source import SourcePlugin
    from headwater.spi.table import TableFormat

__all__ = ["engine", "kinds", "source", "table_format"]

groups: Final = {
    "source": "headwater.sources",
    "table format": "headwater.tables",
    "engine": "headwater.engines",
}


def source(kind: str) -> SourcePlugin:
    """The source connector of a kind. Raises UsageError when there is none or it cannot be imported."""
    return cast("SourcePlugin", _load("source", kind))


def table_format(name: str) -> TableFormat:
    """The table format of a name. Raises UsageError like :func:`source`."""
    return cast("TableFormat", _load("table format", name))


def engine(name: str) -> Engine:
    """The engine of a name. Raises UsageError like :func:`source`."""
    return cast("Engine", _load("engine", name))


def kinds(group: str) -> tuple[str, ...]:
    """The names on offer in a group (``source``, ``table format`` or ``engine``)."""
    return tuple(sorted(_points(groups[group])))


@cache
def _points(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=group):
        if all(point.value != known.value for known in found.get(point.name, ())):
            found[point.name] = (*found.get(point.name, ()), point)
    return found


@cache
def _load(what: str, name: str) -> Any:
    points = _points(groups[what])
    match points.get(name, ()):
        case ():
            raise UsageError(f"there is no {what} '{name}'", hint=did_you_mean(name, points))
        case (point,):
            try:
                return point.load()()
            except ImportError as error:
                raise UsageError(
                    f"the {what} plugin '{name}' cannot be imported",
                    detail=f"{point.value}: {error}",
                    hint="reinstall the package that provides it",
                ) from error
        case clashing:
            raise UsageError(
                f"there are {len(clashing)} {what} plugins named '{name}'",
                detail=", ".join(point.value for point in clashing),
                hint="uninstall all but one of the packages that provide them",
            )
