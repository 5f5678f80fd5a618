"""Reading and writing a product's state file through an engine session.

The store is the only one that knows the tables' SQL. Writes happen inside the
epoch's transaction, which the caller opens and commits: all of an epoch is
durable, or nothing of it. An epoch like the one before it is one row of a
journal; whoever reads the tables finds such epochs entered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from headwater.plan.steps import Recorded
from headwater.runtime import codec
from headwater.runtime.state import journal
from headwater.runtime.state.schema import ensure_schema
from headwater.runtime.state.values import EpochRecord, OutboxEntry, Snapshot, StagedTable, VersionToken, Watermark
from headwater.spi.engine import Session
from headwater.spi.source import Position, joined
from headwater.types import RelationName, quote_identifier

__all__ = ["StateStore"]

columns: Final[dict[str, tuple[str, ...]]] = {
    "positions": ("relation", "position", "epoch"),
    "foreign_positions": ("relation", "version", "content", "identity", "epoch"),
    "versions": ("relation", "token", "epoch"),
    "refreshed": ("relation", "inputs", "epoch"),
    "relations": (
        "relation",
        "fingerprint",
        "own_fingerprint",
        "metadata_fingerprint",
        "schema_json",
        "canonical",
        "output",
        "traits",
        "epoch",
    ),
    "epochs": ("epoch", "run", "kind", "committed_at"),
    "outbox": ("epoch", "ordinal", "format", "committable"),
    "ledger": ("epoch", "run", "relation", "read", "accepted", "late", "quarantined", "replaced"),
    "checks": ("epoch", "run", "relation", "code", "value", "passed", "severity", "description"),
    "released": ("quarantine_id", "epoch"),
    "watermarks": ("relation", "newest", "watermark", "ended", "active_at", "epoch"),
    "staging": ("relation", "format"),
}


class StateStore:
    """The state of one product in one environment; opening creates or upgrades the tables.

    Raises:
        TerminalError: the file was written by a newer version.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._written: dict[RelationName, Recorded] = {}
        """What this store wrote of relations, and which therefore need not be written again in every epoch."""
        self._waiting: int | None = None
        """How many epochs the journal has when this one commits; None before one was entered into the tables."""
        self._complete = False
        """Whether the tables have all that the journal had, and nothing was written since."""
        self._empty = ensure_schema(session)
        """Whether nothing was ever written: a first run reads none of a dozen tables."""
        self._entered = not self._empty
        """Whether an epoch may have been entered into the tables."""

    def snapshot(self) -> Snapshot:
        """Everything a run needs to know at its start."""
        if self._empty:
            return Snapshot(
                epoch=0, positions={}, foreign={}, versions={}, inputs={}, recorded={}, outbox=(), staging=()
            )
        self._read_journal()
        fetch = self._session.fetch
        epoch, origin = fetch("SELECT coalesce(max(epoch), 0), coalesce(min_by(run, epoch), '') FROM headwater.epochs")[
            0
        ]
        return Snapshot(
            epoch=int(epoch),
            origin=origin,
            positions=self._positions(),
            foreign={
                RelationName.parse(name): version
                for name, version in fetch("SELECT relation, version FROM headwater.foreign_positions")
            },
            foreign_contents=self._of_foreign("content"),
            foreign_identities=self._of_foreign("identity"),
            versions={
                RelationName.parse(name): token
                for name, token in fetch("SELECT relation, token FROM headwater.versions")
            },
            inputs={
                RelationName.parse(name): {
                    RelationName.parse(key): token for key, token in codec.from_json(text).items()
                }
                for name, text in fetch("SELECT relation, inputs FROM headwater.refreshed")
            },
            kept=self._kept(),
            recorded={row.relation: row for row in self.recorded()},
            outbox=self.outbox(),
            staging=tuple(
                StagedTable(RelationName.parse(name), kind)
                for name, kind in fetch("SELECT relation, format FROM headwater.staging ORDER BY relation")
            ),
            watermarks={
                RelationName.parse(name): Watermark(
                    journal.moment(newest), journal.moment(at), ended, journal.moment(active)
                )
                for name, newest, at, ended, active in fetch(
                    "SELECT relation, newest, watermark, ended, active_at FROM headwater.watermarks"
                )
            },
        )

    def _positions(self) -> dict[RelationName, Position]:
        """Every source's position, of the parts in which it was written."""
        parts: dict[str, list[Position]] = {}
        for name, text in self._session.fetch("SELECT relation, position FROM headwater.positions ORDER BY epoch"):
            parts.setdefault(name, []).append(codec.from_json(text))
        found = ((RelationName.parse(name), joined(each)) for name, each in parts.items())
        return {name: position for name, position in found if position is not None}

    def _of_foreign(self, column: str) -> dict[RelationName, VersionToken]:
        query = f"SELECT relation, {column} FROM headwater.foreign_positions WHERE {column} IS NOT NULL"
        return {RelationName.parse(name): token for name, token in self._session.fetch(query)}

    def _kept(self) -> frozenset[RelationName]:
        """The models that have durable tables, which are named ``state.<model>/...``."""
        found = self._session.fetch(
            "SELECT DISTINCT split_part(substr(table_name, 7), '/', 1) FROM information_schema.tables "
            "WHERE starts_with(table_name, 'state.')"
        )
        return frozenset(RelationName.parse(name) for (name,) in found)

    def epoch(self) -> int:
        """The newest committed epoch, 0 before the first."""
        self._read_journal()
        return int(self._session.fetch("SELECT coalesce(max(epoch), 0) FROM headwater.epochs")[0][0])

    def relations(self) -> tuple[str, ...]:
        """The names of all recorded relations."""
        self._read_journal()
        return tuple(row[0] for row in self._session.fetch("SELECT relation FROM headwater.relations"))

    def recorded(self, after: int = 0) -> tuple[Recorded, ...]:
        """Relations recorded in epochs behind ``after``."""
        return tuple(codec.to_recorded(row) for row in self.rows("relations", after))

    def outbox(self) -> tuple[OutboxEntry, ...]:
        """What is still to be published, in commit order."""
        self._read_journal()
        found = self._session.fetch("SELECT format, committable FROM headwater.outbox ORDER BY epoch, ordinal")
        return tuple(OutboxEntry(kind, codec.to_committable(text)) for kind, text in found)

    def releases(self) -> str:
        """A query of ``quarantine_id`` and the ``epoch`` that released it, for use beside work relations."""
        return "SELECT quarantine_id, epoch FROM headwater.released"

    def rows(self, table: str, after: int) -> list[dict[str, Any]]:
        """The rows of a state table that epochs behind ``after`` wrote, as column name to value."""
        self._read_journal()
        names = columns[table]
        found = self._session.fetch(
            f"SELECT {_listed(names)} FROM headwater.{table} WHERE epoch > ? ORDER BY ALL",
            [after],
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def write(self, record: EpochRecord) -> None:
        """Write an epoch inside the open transaction; what is to be published is then what this epoch says."""
        self._empty = False
        anew = set(record.removed)
        new = tuple(r for r in record.recorded if r.relation in anew or self._written.get(r.relation) != r)
        record = dataclasses.replace(record, recorded=new)
        self._complete = False
        if journal.is_journalled(record) and self._waiting is not None and self._waiting < longest_journal:
            values = [record.epoch, journal.to_text(record)]
            self._session.execute("INSERT INTO headwater.journal VALUES (?, ?)", values)
            self._waiting += 1
            return
        self._empty_journal()
        self._enter([record])
        self._written.update((row.relation, row) for row in new)

    def _read_journal(self) -> None:
        """Enter what the journal holds, in a transaction of its own."""
        if not self._complete:
            self._session.begin()
            self._empty_journal()
            self._session.commit()
            self._complete = True

    def _empty_journal(self) -> None:
        """Enter what the journal holds, inside the open transaction."""
        found = self._session.fetch("SELECT record FROM headwater.journal ORDER BY epoch")
        if found:
            self._enter([journal.from_text(text) for (text,) in found])
            self._session.execute("DELETE FROM headwater.journal")
        self._waiting = 0

    def _enter(self, records: Sequence[EpochRecord]) -> None:
        """Write epochs into the tables, of what they say of the same relation only the last."""
        self._session.execute("DELETE FROM headwater.outbox")
        self._forget([name for record in records for name in record.removed])
        self._insert("epochs", [(r.epoch, r.run, r.kind, r.at.isoformat()) for r in records])
        self._write_positions(records)
        self._upsert("foreign_positions", _last(_foreign_rows(record) for record in records))
        self._upsert("versions", _last(((str(n), token, r.epoch) for n, token in r.versions.items()) for r in records))
        self._upsert("refreshed", _last(_input_rows(record) for record in records))
        self._upsert(
            "relations", _last(((*codec.to_recorded_row(row).values(), r.epoch) for row in r.recorded) for r in records)
        )
        self._insert(
            "outbox",
            [
                (records[-1].epoch, ordinal, entry.format, codec.to_committable_json(entry.committable))
                for ordinal, entry in enumerate(records[-1].outbox)
            ],
        )
        self._insert(
            "ledger",
            [
                (r.epoch, r.run, str(row.relation), c.read, c.accepted, c.late, c.quarantined, row.replaced)
                for r in records
                for row in r.ledger
                for c in (row.counts,)
            ],
        )
        self._insert(
            "checks",
            [
                (r.epoch, r.run, str(c.relation), c.code, codec.to_json(c.value), c.passed, c.severity, c.description)
                for r in records
                for c in r.checks
            ],
        )
        self._insert("released", [(row, record.epoch) for record in records for row in record.released])
        self._upsert("watermarks", _last(_watermark_rows(record) for record in records))
        self._entered = True

    def _write_positions(self, records: Sequence[EpochRecord]) -> None:
        """A position that grows is written in parts, beside those there are; every other one in their place."""
        whole: set[str] = set()
        parts: dict[str, list[tuple[Any, ...]]] = {}
        for record in records:
            for name, at in record.positions.items():
                if name not in record.gained:
                    whole.add(str(name))
                    parts[str(name)] = [(str(name), codec.to_json(at), record.epoch)]
            for name, at in record.gained.items():
                parts.setdefault(str(name), []).append((str(name), codec.to_json(at), record.epoch))
        if whole:
            self._delete("positions", sorted(whole))
        self._insert("positions", [row for rows in parts.values() for row in rows])

    def announce_staging(self, tables: Iterable[StagedTable]) -> None:
        """Remember, before anything is staged, where staged files may lie: a transaction of its own."""
        self._empty = False
        self._session.begin()
        self._session.execute("DELETE FROM headwater.staging")
        self._insert("staging", [(str(table.relation), table.format) for table in tables])
        self._session.commit()

    def settle(self, unpublished: Sequence[RelationName] = ()) -> None:
        """Forget outbox and staging: every sink has what it should. A transaction of its own.

        Args:
            unpublished: relations whose last epoch could not be published: their content is not what is known of it.
        """
        self._session.begin()
        self._empty_journal()
        if unpublished:
            for table in ("refreshed", "versions"):
                self._delete(table, [str(name) for name in unpublished])
        self._session.execute("DELETE FROM headwater.outbox")
        self._session.execute("DELETE FROM headwater.staging")
        self._session.commit()

    def _forget(self, relations: Sequence[RelationName]) -> None:
        if relations:
            names = [str(name) for name in relations]
            for name in relations:
                self._written.pop(name, None)
            for table in ("relations", "refreshed", "versions", "positions", "foreign_positions", "watermarks"):
                self._delete(table, names)

    def _delete(self, table: str, names: Sequence[str]) -> None:
        """Delete the rows of relations, of which there are none before anything was entered.

        A short list is looked through for each row: that is planned twice as fast as a join.
        """
        if self._entered:
            among = "list_contains(?, relation)" if len(names) <= few else "relation IN (SELECT unnest(?))"
            self._session.execute(f"DELETE FROM headwater.{table} WHERE {among}", [list(names)])

    def _upsert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._delete(table, [row[0] for row in rows])
            self._insert(table, rows)

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, a parameter for each column: the text is the same, and short, however many there are."""
        if rows:
            names = columns[table]
            values = ", ".join(["unnest(?)"] * len(names))
            self._session.execute(
                f"INSERT INTO headwater.{table} ({_listed(names)}) SELECT {values}",
                [list(column) for column in zip(*rows, strict=True)],
            )


few: Final = 32
"""Relations that are looked for one by one."""

longest_journal: Final = 128
"""Epochs that wait to be entered into the tables: each costs a start after a crash about a millisecond."""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(quote_identifier(name) for name in names)


def _last(written: Iterable[Iterable[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """Of the rows that epochs write, oldest epoch first, the last of each relation."""
    return list({row[0]: row for rows in written for row in rows}.values())


def _foreign_rows(record: EpochRecord) -> Iterator[tuple[Any, ...]]:
    for name, version in record.foreign.items():
        contents, identities = record.foreign_contents, record.foreign_identities
        yield str(name), version, contents.get(name), identities.get(name), record.epoch


def _input_rows(record: EpochRecord) -> Iterator[tuple[Any, ...]]:
    for name, inputs in record.inputs.items():
        yield str(name), codec.to_json({str(key): token for key, token in inputs.items()}), record.epoch


def _watermark_rows(record: EpochRecord) -> Iterator[tuple[Any, ...]]:
    for name, mark in record.watermarks.items():
        moments = journal.text_of(mark.newest), journal.text_of(mark.at), mark.ended, journal.text_of(mark.active_at)
        yield str(name), *moments, record.epoch
