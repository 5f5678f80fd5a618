"""Cases of the table suite about crashes and damage.

A process is killed at every file operation of an epoch in turn (the
interpreter's audit events for opening to write, mkdir, link, rename, unlink ...,
and every fsync), which is what a power cut between two system calls leaves
behind. After each, the table must be readable with the content before or
after, the repeated commit must end with the content after, exactly once, and
nothing may be left over.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from headwater.capabilities import TableCapability
from headwater.errors import TerminalError
from headwater.spi.table import CommitId, Committable, MaintenancePolicy, PublishMode, TableFormat
from headwater.testing.table_basis import TableBasis
from headwater.testing.table_bench import TableBench
from headwater.testing.table_merges import files_of, footing_of
from headwater.types import RelationName

__all__ = ["CrashCases"]

PLAIN: Final = {"id": "bigint", "name": "varchar"}
BEFORE: Final = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
NEW: Final = [{"id": 3, "name": "c"}]
STAYS: Final = [{"id": 4, "name": "d"}]
RENAMED: Final = {"key": "bigint", "name": "varchar"}
_events: Final = frozenset({"open", "os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir"})


class CrashCases(TableBasis):
    """``log_files`` names the files of a table's log that a reader cannot do without."""

    def log_files(self, bench: TableBench) -> Sequence[Path]:
        """The files whose damage must be told by name."""
        return ()

    @pytest.mark.parametrize("scenario", ["first", "append", "replace", "merge", "rename", "maintain"])
    def test_a_process_killed_at_any_file_operation(self, scenario: str, tmp_path: Path) -> None:
        if scenario == "merge" and TableCapability.MERGE not in self.table_format().capabilities:
            pytest.skip("the format does not promise merges")
        killed = _kill_everywhere(self.table_format(), scenario, tmp_path)
        before, after = _contents(scenario)
        assert len(killed) >= 5
        for folder in killed:
            bench = TableBench.in_folder(self.table_format(), folder)
            staged = _from_outbox(folder)
            assert _content(bench) in (before, after), folder
            if scenario != "maintain":
                bench.open().commit(staged)
            assert _content(bench) == after, folder
            assert bench.open().row_count() == len(after)
            bench.open().sweep([])
            assert bench.open().sweep([]) == 0
        for folder in killed[::4]:  # what a crash left behind is not noticed later either
            bench = TableBench.in_folder(self.table_format(), folder)
            report = bench.open().maintain(_everything, now=datetime.now(UTC) + timedelta(seconds=1))
            assert _content(bench) == after, folder
            if scenario != "maintain":
                assert _data_files(bench) == report.files_after, folder

    @pytest.mark.parametrize("scenario", ["stage", "stage-drafted"])
    def test_a_process_killed_while_it_stages(self, scenario: str, tmp_path: Path) -> None:
        killed = _kill_everywhere(self.table_format(), scenario, tmp_path)
        assert len(killed) >= 3
        for folder in killed:
            bench = TableBench.in_folder(self.table_format(), folder)
            assert _content(bench) == BEFORE, folder
            bench.open().sweep([])
            assert _data_files(bench) == 1, folder

    def test_damage_to_the_log_is_told_by_name(self, bench: TableBench) -> None:
        bench.publish(BEFORE, PLAIN)
        bench.publish(NEW, PLAIN)
        for path in self.log_files(bench):
            sound = path.read_bytes()
            for damage in (b"", b"{", sound[: len(sound) // 2], b"\0" * len(sound), b'{"a": 1}\n'):
                path.write_bytes(damage)
                with pytest.raises(TerminalError) as caught:
                    bench.rows()
                assert path.name in str(caught.value)
                assert caught.value.hint
            path.write_bytes(sound)
        assert _content(bench) == [*BEFORE, *NEW]

    def test_a_damaged_outbox_entry_publishes_nothing(self, bench: TableBench) -> None:
        bench.publish(BEFORE, PLAIN)
        staged = bench.stage(NEW, PLAIN)
        for payload in ({}, {**staged.payload, "folder": "../.."}, {**staged.payload, "spec": {}}):
            broken = Committable(staged.id, staged.mode, staged.rows, payload)
            with pytest.raises(TerminalError):
                bench.open().commit(broken)
            with pytest.raises(TerminalError):
                bench.open().abort(broken)
        assert _content(bench) == BEFORE


_everything: Final = MaintenancePolicy(keep=timedelta(0))


def _contents(scenario: str) -> tuple[list[dict[str, Any]] | None, list[dict[str, Any]]]:
    """What a reader may see before and after; None: there is no table."""
    match scenario:
        case "first":
            return None, NEW
        case "append":
            return BEFORE, [*BEFORE, *NEW]
        case "replace":
            return BEFORE, NEW
        case "merge":
            return [*BEFORE, *STAYS], [*NEW, *STAYS]
        case "rename":
            rows = [{"key": row["id"], "name": row["name"]} for row in [*BEFORE, *NEW]]
            return BEFORE, rows
        case _:
            return [*BEFORE, *NEW], [*BEFORE, *NEW]


def _content(bench: TableBench) -> list[dict[str, Any]] | None:
    return bench.rows() if bench.open().exists() else None


def _data_files(bench: TableBench) -> int:
    found = Path(bench.location.lake).rglob("*.parquet")
    return len({path.stat().st_ino for path in found if "checkpoint" not in path.name})


def _kill_everywhere(format: TableFormat, scenario: str, folder: Path) -> list[Path]:
    """Run a scenario in processes killed at their first, second ... file operation; returns their folders."""
    arguments = pickle.dumps((format, scenario, str(folder)))
    command = [sys.executable, "-m", "headwater.testing.table_crashes"]
    done = subprocess.run(command, input=arguments, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return sorted(Path(line) for line in done.stdout.decode().split())


def _from_outbox(folder: Path) -> Committable:
    value = json.loads((folder / "outbox.json").read_text())
    written = value["id"]
    id_ = CommitId(RelationName(**written["relation"]), written["fingerprint"], written["epoch"])
    return Committable(id_, PublishMode(value["mode"]), value["rows"], value["payload"], tuple(value["without"]))


def _main() -> None:
    """Fork a child for every file operation of a scenario; print the folders of those that were killed."""
    tables, scenario, parent = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the test that started us
    TableBench.in_folder(tables, Path(parent) / "imports").open()  # so that the children need not import anything
    step = 3 if scenario == "maintain" else 1  # maintenance is hundreds of deletions, all alike
    for operation in range(1, 500, step):
        folder = Path(parent) / f"{scenario}-{operation:03}"
        child = os.fork()
        if child == 0:
            _run(TableBench.in_folder(tables, folder), scenario, folder, operation)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))
        print(folder)  # noqa: T201 - the answer


def _run(bench: TableBench, scenario: str, folder: Path, operation: int) -> None:
    folder.mkdir(parents=True)
    if scenario != "first":
        bench.publish(BEFORE, PLAIN)
    if scenario == "maintain":
        bench.publish(NEW, PLAIN)
        table = bench.open()
        staged = bench.stage([], PLAIN)
        table.abort(staged)
        _to_outbox(folder, staged)
        _die_at(operation, folder)
        table.maintain(_everything, now=datetime.now(UTC) + timedelta(seconds=1))
    elif scenario in ("stage", "stage-drafted"):
        _die_at(operation, folder)
        bench.stage(NEW, PLAIN, drafted=scenario == "stage-drafted")
    else:
        without: tuple[str, ...] = ()
        if scenario == "merge":
            bench.publish(STAYS, PLAIN)
            without = files_of(footing_of(bench, PLAIN), {1, 2})
        mode = PublishMode(scenario) if scenario in ("replace", "merge") else PublishMode.APPEND
        rows = [{"key": row["id"], "name": row["name"]} for row in NEW] if scenario == "rename" else NEW
        renames = {"key": "id"} if scenario == "rename" else {}
        schema = RENAMED if scenario == "rename" else PLAIN
        staged = bench.stage(rows, schema, mode, renames=renames, without=without)
        _to_outbox(folder, staged)
        table = bench.open()
        _die_at(operation, folder)
        table.commit(staged)


def _to_outbox(folder: Path, staged: Committable) -> None:
    (folder / "outbox.json").write_text(json.dumps({**asdict(staged), "mode": staged.mode.value}))


def _die_at(operation: int, folder: Path) -> None:
    """Kill this process when it comes to its n-th file operation below a folder."""
    left = operation

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _events and str(folder) in str(arguments[0]) and (event != "open" or _writes(*arguments)):
            count()

    def counted(sync: Callable[[int], None]) -> Callable[[int], None]:
        def synced(descriptor: int) -> None:
            count()
            sync(descriptor)

        return synced

    setattr(os, "fsync", counted(os.fsync))  # noqa: B010 - the very function is replaced
    sys.addaudithook(watch)


def _writes(_path: Any, mode: str | None, flags: int) -> bool:
    """Whether a file is opened to be changed; what only reads leaves nothing behind."""
    return bool(flags & (os.O_WRONLY | os.O_RDWR)) if mode is None else mode not in {"r", "rb"}


if __name__ == "__main__":
    _main()
