"""A cache that is missing, damaged or foreign is an empty one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headwater.api.cache import FileCache

FILE = Path(".headwater") / "cache" / "plan.json"


def test_what_was_put_is_there_for_the_next_process(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, "plan")
    assert cache.get("a") is None
    cache.put("a", "1")
    cache.save()
    assert FileCache(tmp_path, "plan").get("a") == "1"


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    FileCache(tmp_path, "plan").save()
    assert not (tmp_path / ".headwater").exists()


def test_entries_that_nobody_asks_for_go_after_some_saves(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, "plan")
    cache.put("old", "1")
    cache.save()
    for number in range(8):
        cache = FileCache(tmp_path, "plan")
        cache.put(f"new{number}", "2")
        cache.save()
    assert FileCache(tmp_path, "plan").get("old") is None
    assert FileCache(tmp_path, "plan").get("new7") == "2"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"version": "0.0.0", "entries": {"a": [0, "1"]}}',
        b'{"entries": 3}',
        b'{"version": "VERSION", "entries": 3}',
        b'{"version": "VERSION", "entries": {"a": "1"}}',
        b'{"version": "VERSION", "entries": {"a": [0, 7]}}',
    ],
)
def test_a_damaged_file_is_an_empty_cache(tmp_path: Path, content: bytes) -> None:
    from headwater import __version__

    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content.replace(b"VERSION", __version__.encode()))
    cache = FileCache(tmp_path, "plan")
    assert cache.get("a") is None
    cache.put("b", "2")
    cache.save()
    assert FileCache(tmp_path, "plan").get("b") == "2"


def test_the_file_is_replaced_in_one_step_and_leaves_no_other(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, "plan")
    cache.put("a", "1")
    cache.save()
    assert [path.name for path in (tmp_path / FILE).parent.iterdir()] == ["plan.json"]
    assert json.loads((tmp_path / FILE).read_text())["entries"] == {"a": [0, "1"]}


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path: Path) -> None:
    (tmp_path / ".headwater").write_text("a file where the folder should be")
    cache = FileCache(tmp_path, "plan")
    cache.put("a", "1")
    cache.save()
    assert cache.get("a") == "1"
