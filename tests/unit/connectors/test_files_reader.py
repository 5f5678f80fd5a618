"""Files as sources: what is new, what has changed, and what lies outside the workspace."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.capabilities import SourceCapability
from headwater.connectors.files import FilesSource
from headwater.connectors.files.finding import find, matches
from headwater.errors import DataError, DeclarationError
from headwater.spec.declarations import Source
from headwater.spi.codec import FileScan
from headwater.spi.source import Chunk, Position, SourceContext, SourceReader, joined
from headwater.types import Json, RelationName, Schema


def reader(root: Path, path: Json = "data/*.csv", *, bounded: bool = True, **options: Json) -> SourceReader:
    relation = RelationName("ops", "flights")
    source = Source(relation, "files", {"path": path, **options}, bounded=bounded)
    return FilesSource().open(source, SourceContext(str(root), str(root / "spool")))


def write(root: Path, name: str, text: str = "id\n1\n") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(chunk: Chunk) -> list[str]:
    assert isinstance(chunk.rows, FileScan)
    return [file.name for file in chunk.rows.files]


TREE = [f"{folder}{name}" for folder in ("", "a/", "b/", "a/b/", ".h/", "a/.h/") for name in ("x", "ab", ".hid")]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for name in TREE:
        write(root, name)
    return root


def read(root: Path, after: Position | None = None, path: Json = "data/*.csv", size: int = 1 << 30) -> list[Chunk]:
    return list(reader(root, path).chunks(after, max_bytes=size))


def test_new_files_are_new_data_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("data/b.csv", "data/a.csv", "data/sub/c.csv", "data/.hidden.csv", "data/other.txt"):
        write(tmp_path, name)
    (chunk,) = read(tmp_path)
    assert names(chunk) == ["data/a.csv", "data/b.csv"]
    write(tmp_path, "data/0.csv")
    (more,) = read(tmp_path, chunk.position)
    assert names(more) == ["data/0.csv"]
    assert read(tmp_path, more.position) == []
    (deep,) = read(tmp_path, None, ["data/**/*.csv", "data/a.csv"])
    assert names(deep) == ["data/0.csv", "data/a.csv", "data/b.csv", "data/sub/c.csv"]


segments = st.sampled_from(["a", "b", ".h", "ab", "*", "?", "a*", "[ab]", "[!a]", ".*", "**"])
patterns = st.lists(segments, min_size=1, max_size=4).map("/".join)


@given(patterns)
@settings(deadline=None)
def test_a_name_matches_where_the_file_is_found(tree: Path, pattern: str) -> None:
    found = {file.name for file in find(str(tree), [pattern], None)}
    assert found == {name for name in TREE if matches([pattern], name)}


def test_chunks_hold_whole_files(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path, f"data/{number}.csv", "x" * 100)
    assert [len(names(chunk)) for chunk in read(tmp_path, size=250)] == [2, 2, 1]
    assert [len(names(chunk)) for chunk in read(tmp_path, size=1)] == [1] * 5
    assert [chunk.size_bytes for chunk in read(tmp_path, size=250)] == [200, 200, 100]


def test_positions_are_json(tmp_path: Path) -> None:
    write(tmp_path, "data/a.csv")
    ((entry,),) = (chunk.position["files"] for chunk in read(tmp_path))  # type: ignore[misc]
    stat = (tmp_path / "data/a.csv").stat()
    assert entry[:3] == ["data/a.csv", 5, stat.st_mtime_ns]
    assert len(entry[3]) == 32


@pytest.mark.parametrize(
    ("text", "detail"),
    [("id\n1\n2\n", "it had 5 bytes and has 7 now"), ("id\n2\n", "it has as many bytes as before, but others")],
)
def test_a_changed_file_is_an_error(tmp_path: Path, text: str, detail: str) -> None:
    path = write(tmp_path, "data/a.csv")
    (chunk,) = read(tmp_path)
    path.write_text(text)
    os.utime(path, ns=(0, 0))
    for again in (lambda: read(tmp_path, chunk.position), lambda: reader(tmp_path).replay(chunk.position)):
        with pytest.raises(DataError) as caught:
            again()
        assert str(caught.value) == (
            f"data/a.csv has changed since it was read\n  {detail}\n  hint: a file is read once: "
            "put it back as it was, and write new or mended rows to a file with a new name"
        )


def test_a_new_time_alone_is_no_change(tmp_path: Path) -> None:
    path = write(tmp_path, "data/a.csv", "x" * 500_000)
    (chunk,) = read(tmp_path)
    os.utime(path, ns=(0, 0))
    assert read(tmp_path, chunk.position) == []


def test_a_file_may_go_once_it_was_read(tmp_path: Path) -> None:
    path = write(tmp_path, "data/a.csv")
    (chunk,) = read(tmp_path, None, "data/a.csv")
    path.unlink()
    assert read(tmp_path, chunk.position, "data/a.csv") == []
    with pytest.raises(DataError) as caught:
        reader(tmp_path).replay(chunk.position)
    assert (caught.value.message, caught.value.hint) == (
        "data/a.csv was read before and is gone",
        "put the file back as it was; to go on without its rows, delete the product's file in "
        ".headwater/<environment>/state, so that the next run computes all of it anew",
    )


def test_a_replay_keeps_the_order_of_reading(tmp_path: Path) -> None:
    write(tmp_path, "data/b.csv")
    (first,) = read(tmp_path)
    write(tmp_path, "data/a.csv")
    (second,) = read(tmp_path, first.position)
    stored: Mapping[str, Json] = json.loads(json.dumps(second.position, sort_keys=True))
    again = reader(tmp_path).replay(stored)
    assert isinstance(again, FileScan)
    assert [file.name for file in again.files] == ["data/b.csv", "data/a.csv"]
    assert reader(tmp_path).replay({"files": []}) is None


def test_missing_files(tmp_path: Path) -> None:
    assert read(tmp_path) == []
    with pytest.raises(DataError) as caught:
        reader(tmp_path).sample()
    assert caught.value.message == "no file matches data/*.csv"
    with pytest.raises(DataError) as caught:
        read(tmp_path, None, "data/a.csv")
    assert caught.value.message == "there is no file data/a.csv"
    write(tmp_path, "data/a.csv/inner.csv")
    with pytest.raises(DeclarationError) as folder:
        read(tmp_path, None, "data/a.csv")
    assert (folder.value.message, folder.value.hint) == ("data/a.csv is a folder", "path: data/a.csv/*")


def test_links_may_not_lead_out(tmp_path: Path) -> None:
    workspace, outside = tmp_path / "workspace", tmp_path / "outside"
    write(outside, "secret.csv")
    inside = write(workspace, "store/real.csv")
    (workspace / "data").mkdir()
    (workspace / "data" / "ok.csv").symlink_to(inside)
    (chunk,) = read(workspace)
    assert isinstance(chunk.rows, FileScan)
    assert [(file.name, file.path) for file in chunk.rows.files] == [("data/ok.csv", str(inside.resolve()))]
    (workspace / "data" / "bad.csv").symlink_to(outside / "secret.csv")
    with pytest.raises(DataError) as caught:
        read(workspace)
    assert caught.value.message == "data/bad.csv leads out of the workspace by a symbolic link"
    (workspace / "data" / "bad.csv").unlink()
    (workspace / "data" / "folder").symlink_to(outside)
    with pytest.raises(DataError):
        read(workspace, None, "data/folder/*.csv")
    (workspace / "data" / "folder").unlink()
    (workspace / "data" / "gone.csv").symlink_to(workspace / "nowhere.csv")
    assert names(read(workspace)[0]) == ["data/ok.csv"]


def test_a_workspace_may_itself_be_linked(tmp_path: Path) -> None:
    write(tmp_path, "real/data/a.csv")
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    assert names(read(tmp_path / "linked")[0]) == ["data/a.csv"]


def test_special_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data" / "pipe.csv")
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert caught.value.message == "data/pipe.csv is not a regular file"


def test_capabilities(tmp_path: Path) -> None:
    assert reader(tmp_path).capabilities == {SourceCapability.REPLAY, SourceCapability.BOUNDED}
    assert reader(tmp_path, bounded=False).capabilities == {SourceCapability.REPLAY}


def test_a_declared_schema_needs_no_sample(tmp_path: Path) -> None:
    schema = Schema.of({"id": "int"})
    source = Source(RelationName("ops", "x"), "files", {"path": "data/*.csv"}, schema=schema)
    assert FilesSource().open(source, SourceContext(str(tmp_path), str(tmp_path))).sample() == schema


def test_what_is_stored_of_many_chunks_grows_with_the_files_alone(tmp_path: Path) -> None:
    """A position holds every file that was read; stored wholly after each chunk, it would be quadratic."""
    (tmp_path / "data").mkdir()
    for number in range(5_000):
        (tmp_path / "data" / f"{number:05d}.csv").write_bytes(b"id\n1\n")
    chunks = read(tmp_path, size=1)
    assert len(chunks) == 5_000
    gained = [chunk.gained for chunk in chunks if chunk.gained is not None]
    assert joined(gained) == chunks[-1].position
    assert joined([chunks[41].position, *gained[42:]]) == chunks[-1].position
    stored = sum(len(json.dumps(part)) for part in gained)
    assert stored < 2 * len(json.dumps(chunks[-1].position))


def test_ten_thousand_files(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(10_000):
        (tmp_path / "data" / f"{number:05d}.csv").write_bytes(b"id\n1\n")
    chunks = read(tmp_path, size=5 * 1000)
    assert len(chunks) == 10
    position = json.loads(json.dumps(chunks[-1].position))
    began = time.process_time()
    assert read(tmp_path, position) == []
    assert time.process_time() - began < 2
