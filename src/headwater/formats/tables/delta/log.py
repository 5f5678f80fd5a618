"""The log of a Delta table: what delta-rs reads of it, and what we append to it.

Entries are created exclusively (a hard link fails when the name exists), which
is the put-if-absent that the Delta protocol asks of its storage. delta-rs keeps
the snapshot and writes checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from headwater.errors import TerminalError
from headwater.formats.tables.delta.actions import Protocol, entry
from headwater.formats.tables.delta.types import derived_partitions, schema_from_delta
from headwater.formats.tables.partitions import hive_text
from headwater.formats.tables.payload import commit_from_json, damaged, writer_name
from headwater.formats.tables.storage import create_exclusively, make_folder, remove_file
from headwater.spec.declarations import PartitionField
from headwater.spi.table import CommitId
from headwater.types import Json, Schema
from headwater.values import frozen

if TYPE_CHECKING:
    # Imported where a log is read: a table that is new, or only appended to, needs neither its time nor its memory.
    from deltalake import DeltaTable

__all__ = ["ActiveFile", "DeltaLog", "Entry", "Snapshot"]

CHECKPOINT_INTERVAL: Final = 100
_readable: Final = frozenset({"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"})


_actions: Final = frozenset(
    {
        "add",
        "remove",
        "txn",
        "metaData",
        "protocol",
        "commitInfo",
        "cdc",
        "domainMetadata",
        "checkpointMetadata",
        "sidecar",
    }
)


@frozen
class ActiveFile:
    """A data file of a snapshot: ``path`` as the log has it, relative to the table."""

    path: str
    size: int
    rows: int | None
    partition: Mapping[str, str | None]

    def in_folder(self, table: Path) -> Path:
        return table / unquote(self.path)


@frozen
class Snapshot:
    """A version of the table as far as its log's entries up to it say."""

    version: int
    schema: Schema
    partition_by: tuple[PartitionField, ...]
    table_id: str
    configuration: Mapping[str, str]
    protocol: Protocol


@frozen
class Entry:
    """One log entry: our commit when we wrote it, and the files it added and removed."""

    version: int
    at: datetime
    operation: str
    commit: CommitId | None
    rows: int | None
    added: tuple[Mapping[str, Any], ...]
    removed: tuple[Mapping[str, Any], ...]

    @property
    def changes_rows(self) -> bool:
        return any(action["dataChange"] for action in self.removed) or self.operation == "rewrite"


class DeltaLog:
    """One table's log, opened once and then updated with what is new."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries_folder = folder / "_delta_log"
        self._table: DeltaTable | None = None
        self._snapshot: Snapshot | None = None
        self._epochs: dict[str, int | None] = {}

    def snapshot(self) -> Snapshot | None:
        """The newest version; None when there is no table. Raises TerminalError when the log is damaged."""
        if self._snapshot is None:
            if any(self.entries_folder.glob("*.json")):
                self._check_entries_after(self._last_checkpoint())
                self._snapshot = self._read(self._opened())
        elif self._entry(self._snapshot.version + 1).exists():
            self._epochs.clear()
            self._check_entries_after(self._snapshot.version)
            table = self._opened()
            self._guarded(table.update_incremental)
            self._snapshot = self._read(table)
        return self._snapshot

    def snapshot_at(self, version: int) -> tuple[Snapshot, list[ActiveFile]]:
        """An older version and its files."""
        table = self._open(version)
        return self._read(table), self._files(table)

    def files(self) -> list[ActiveFile]:
        """The files of the newest version."""
        snapshot = self.snapshot()
        return [] if snapshot is None else self._files(self._at(snapshot.version))

    def epoch_of(self, writer: str) -> int | None:
        """The newest epoch that a writer committed."""
        snapshot = self.snapshot()
        if snapshot is None:
            return None
        if writer not in self._epochs:
            found = self._at(snapshot.version).transaction_version(writer)
            self._epochs[writer] = None if found is None else int(found)
        return self._epochs[writer]

    def append(self, actions: Sequence[Mapping[str, Json]], snapshot: Snapshot, id: CommitId | None) -> None:
        """Write the entry that makes ``snapshot``; raises FileExistsError when another writer was first.

        The snapshot is kept, so that a writer's next commit need not read its last one.
        """
        make_folder(self.entries_folder)
        create_exclusively(self._entry(snapshot.version), entry(actions))
        self._snapshot = snapshot
        if id is not None:
            self._epochs[writer_name(id)] = id.epoch
        if snapshot.version and snapshot.version % CHECKPOINT_INTERVAL == 0:
            self.checkpoint()

    def checkpoint(self, version: int | None = None) -> None:
        table = self._open(version)
        self._guarded(table.create_checkpoint)

    def forget(self, version: int) -> None:
        """Delete the entry and the checkpoint of a version that a newer checkpoint covers."""
        remove_file(self._entry(version))
        for path in self.entries_folder.glob(f"{version:020}.checkpoint*.parquet"):
            remove_file(path)

    def versions(self) -> list[int]:
        """The versions whose entries are kept, oldest first."""
        return sorted(int(path.stem) for path in self.entries_folder.glob("*.json") if path.stem.isdecimal())

    def entry(self, version: int) -> Entry | None:
        """What a version did; None when its entry is gone. Raises TerminalError when it is damaged."""
        path = self._entry(version)
        try:
            actions = [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
            return _to_entry(version, actions, path)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(str(path), error) from error

    def entries(self) -> Iterator[Entry]:
        """All kept entries, oldest first."""
        for version in self.versions():
            found = self.entry(version)
            if found is not None:
                yield found

    def made_by(self) -> CommitId | None:
        """The commit behind which rows were only compacted, if at all; None: another writer's, or forgotten."""
        snapshot = self.snapshot()
        version = -1 if snapshot is None else snapshot.version
        while (entry := self.entry(version)) is not None and entry.operation == "compact":
            version -= 1
        return None if entry is None else entry.commit

    def _entry(self, version: int) -> Path:
        return self.entries_folder / f"{version:020}.json"

    def _check_entries_after(self, version: int) -> None:
        """delta-rs takes an empty entry for one that changes nothing; it is one whose rows are lost."""
        while self.entry(version := version + 1) is not None:
            pass

    def _last_checkpoint(self) -> int:
        names = (path.name.partition(".")[0] for path in self.entries_folder.glob("*.checkpoint*.parquet"))
        return max((int(name) for name in names if name.isdecimal()), default=-1)

    def _opened(self) -> DeltaTable:
        if self._table is None:
            self._table = self._open(None)
        return self._table

    def _at(self, version: int) -> DeltaTable:
        """The table as delta-rs has it, brought up to a version."""
        table = self._opened()
        if table.version() != version:
            self._guarded(table.update_incremental)
        return table

    def _open(self, version: int | None) -> DeltaTable:
        from deltalake import DeltaTable

        table: DeltaTable = self._guarded(lambda: DeltaTable(str(self.folder), version=version))
        return table

    def _guarded(self, call: Any) -> Any:
        """Run a call into delta-rs; when it fails, say which file of the log is damaged."""
        from deltalake.exceptions import DeltaError

        try:
            return call()
        except (DeltaError, OSError, ValueError) as error:
            for _ in self.entries():
                pass  # reading them names the damaged one
            raise damaged(str(self.entries_folder), error) from error

    def _read(self, table: DeltaTable) -> Snapshot:
        found, info = table.protocol(), table.metadata()
        protocol = Protocol(
            found.min_reader_version,
            found.min_writer_version,
            frozenset(found.reader_features or ()),
            frozenset(found.writer_features or ()),
        )
        if unknown := sorted(protocol.reader_features - _readable):
            raise TerminalError(
                f"the Delta table {self.folder} uses {', '.join(unknown)}, which headwater does not read",
                hint="rewrite it without these features with the tool that set them",
            )
        text = table.schema().to_json()
        schema, derived = schema_from_delta(text), derived_partitions(text)
        return Snapshot(
            version=table.version(),
            schema=schema,
            partition_by=tuple(derived.get(name) or PartitionField(name) for name in info.partition_columns),
            table_id=str(info.id),
            configuration=dict(info.configuration),
            protocol=protocol,
        )

    def _files(self, table: DeltaTable) -> list[ActiveFile]:
        """The files oldest first: delta-rs lists the newest entry first, the files of an entry as it has them."""
        import pyarrow as pa

        actions = pa.table(self._guarded(table.get_add_actions))
        partitioned = "partition" in actions.column_names
        rows = actions.select(
            ["path", "size_bytes", "num_records", "modification_time", *(["partition"] if partitioned else [])]
        )
        return [
            ActiveFile(
                path=file["path"],
                size=file["size_bytes"],
                rows=file["num_records"],
                partition={
                    name: None if value is None else hive_text(value)
                    for name, value in (file.get("partition") or {}).items()
                },
            )
            for file in sorted(rows.to_pylist(), key=lambda file: file["modification_time"])
        ]


def _to_entry(version: int, actions: Sequence[Mapping[str, Any]], path: Path) -> Entry:
    if not actions:
        raise ValueError("it is empty")
    if unknown := sorted({key for action in actions for key in action} - _actions):
        raise ValueError(f"it holds the unknown action '{unknown[0]}'")
    info: Mapping[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    ours = info.get("headwater") or {}
    if "at" in ours:
        at = datetime.fromisoformat(ours["at"])
    else:
        moment = info.get("timestamp")
        at = datetime.fromtimestamp(moment / 1000 if moment is not None else path.stat().st_mtime, UTC)
    return Entry(
        version=version,
        at=at,
        operation=ours.get("operation") or str(info.get("operation", "unknown")).lower(),
        commit=commit_from_json(ours.get("commit")),
        rows=ours.get("rows"),
        added=tuple(action["add"] for action in actions if "add" in action),
        removed=tuple(action["remove"] for action in actions if "remove" in action),
    )
