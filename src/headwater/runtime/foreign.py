"""What the tables of other products gained since this product last read them.

Apart from intake because it is asked before the first epoch: a table whose old
rows may be gone makes its readers start anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headwater.plan.steps import ForeignPort
from headwater.runtime.intake import ForeignRows
from headwater.runtime.state import Snapshot
from headwater.runtime.state.values import VersionToken
from headwater.runtime.tables import Tables
from headwater.spi.table import Appended, AtVersion, Replaced, Table
from headwater.types import RelationName

__all__ = ["ForeignNews", "ask_foreign"]


@dataclass(frozen=True, slots=True)
class ForeignNews:
    """``gained`` holds every table whose version moved; ``replaced`` those whose old rows may be gone."""

    gained: Mapping[RelationName, ForeignRows]
    replaced: frozenset[RelationName]


def ask_foreign(
    ports: Sequence[ForeignPort],
    snapshot: Snapshot,
    contents: Mapping[RelationName, VersionToken],
    tables: Tables,
) -> ForeignNews:
    """Compare the newest version of each foreign table with the one read last; only moved tables are looked into.

    Args:
        contents: what the states of products that this run has already run call their tables'
            contents. A table whose content has the name it had when it was read is not opened.
    """
    gained: dict[RelationName, ForeignRows] = {}
    replaced: set[RelationName] = set()
    for port in ports:
        content = contents.get(port.relation)
        if content is not None and content == snapshot.foreign_contents.get(port.relation):
            continue
        table = tables.open(port.relation, port.output)
        version, before = table.version(), snapshot.foreign.get(port.relation)
        read = snapshot.foreign_contents.get(port.relation)
        another = content is not None and read is not None  # the table was deleted, and its numbers began anew
        if version is None or (version == before and not another):
            continue
        if before is None:
            gained[port.relation] = ForeignRows(version, table.scan(at=AtVersion(version)))
            continue
        goes_on = version > before and not _began_anew(table, before, read)
        news = table.changes(before) if goes_on else Replaced(version)
        if isinstance(news, Appended):
            gained[port.relation] = ForeignRows(news.version, news.rows)
        else:
            gained[port.relation] = ForeignRows(news.version, table.scan(at=AtVersion(news.version)))
            replaced.add(port.relation)
    return ForeignNews(gained, frozenset(replaced))


def _began_anew(table: Table, before: int, read: VersionToken | None) -> bool:
    """Whether the version that was read is another one now: the table was deleted, and published again."""
    now = next((version.commit for version in table.versions() if version.number == before), None)
    return now is not None and read is not None and str(now.epoch) != read
