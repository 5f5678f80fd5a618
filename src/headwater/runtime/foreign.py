"""What the tables of other products gained since this product last read them.

Apart from intake because it is asked before the first epoch: a table whose old
rows may be gone makes its readers start anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from headwater.plan.steps import ForeignPort
from headwater.runtime.intake import ForeignRows, is_stream
from headwater.runtime.moments import earliest
from headwater.runtime.state import Snapshot
from headwater.runtime.state.values import VersionToken
from headwater.runtime.tables import Tables
from headwater.spi.codec import Rows
from headwater.spi.engine import Session
from headwater.spi.table import Appended, AtVersion, Replaced, TableVersion
from headwater.types import RelationName, quote_identifier
from headwater.values import frozen

__all__ = ["ForeignNews", "ask_foreign"]


_gains: Final = quote_identifier("gains")


@frozen
class ForeignNews:
    """``gained`` holds every table whose version moved; ``replaced`` those whose old rows may be gone.

    ``belated`` ones gained rows that lie before their watermark as it is known here: the other product admitted late
    ones by a replay, or the port was taken for idle. They are its rows all the same: it alone judges them.
    """

    gained: Mapping[RelationName, ForeignRows]
    replaced: frozenset[RelationName]
    belated: frozenset[RelationName]


def ask_foreign(
    ports: Sequence[ForeignPort],
    snapshot: Snapshot,
    contents: Mapping[RelationName, VersionToken],
    tables: Tables,
    session: Session,
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
    belated: set[RelationName] = set()
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
            if news.rows is not None and _is_belated(port, news.rows, snapshot, session):
                belated.add(port.relation)
        else:
            rows = table.scan(at=AtVersion(news.version))
            gained[port.relation] = ForeignRows(news.version, identities[news.version], rows)
            replaced.add(port.relation)
    return ForeignNews(gained, frozenset(replaced), frozenset(belated))


def _is_belated(port: ForeignPort, rows: Rows, snapshot: Snapshot, session: Session) -> bool:
    """Whether a row lies before the port's watermark; rows that can be read only once are taken to."""
    mark = snapshot.watermarks.get(port.relation)
    if port.event_time is None or mark is None or mark.at is None:
        return False
    if is_stream(rows):
        return True
    session.view(_gains, rows, schema=port.schema)
    first = earliest(session, _gains, port.schema, port.event_time)
    session.drop(_gains)
    return first is not None and first < mark.at


def _identity(version: TableVersion) -> VersionToken:
    """Tells a version from that of the same number in a table that was deleted and published anew.

    Numbers, fingerprints and epochs may all be the same then; the moment of the commit is not.
    """
    epoch = "" if version.commit is None else f" {version.commit.fingerprint}:{version.commit.epoch}"
    return f"{version.number} {version.committed_at.isoformat()}{epoch}"
