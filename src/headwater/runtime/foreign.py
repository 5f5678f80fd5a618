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
from headwater.spi.table import Appended, AtVersion, Replaced, TableVersion
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

    A table whose version that was read last is no longer listed under its identity, because the table was
    published anew or because the version expired, counts as replaced: what is new in it cannot be told.

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
        if version is None:
            continue
        identities = {known.number: _identity(known) for known in table.versions()}
        if before is None:
            gained[port.relation] = ForeignRows(version, identities[version], table.scan(at=AtVersion(version)))
            continue
        read = snapshot.foreign_identities.get(port.relation)
        same = version >= before and (read is None or identities.get(before) == read)
        if same and version == before:
            continue
        news = table.changes(before) if same else Replaced(version)
        if isinstance(news, Appended):
            gained[port.relation] = ForeignRows(news.version, identities[news.version], news.rows)
        else:
            rows = table.scan(at=AtVersion(news.version))
            gained[port.relation] = ForeignRows(news.version, identities[news.version], rows)
            replaced.add(port.relation)
    return ForeignNews(gained, frozenset(replaced))


def _identity(version: TableVersion) -> VersionToken:
    """Tells a version from that of the same number in a table that was deleted and published anew.

    Numbers, fingerprints and epochs may all be the same then; the moment of the commit is not.
    """
    epoch = "" if version.commit is None else f" {version.commit.fingerprint}:{version.commit.epoch}"
    return f"{version.number} {version.committed_at.isoformat()}{epoch}"
