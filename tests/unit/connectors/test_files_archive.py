"""Zip archives: members are files of their own, and hostile ones are refused."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.connectors.files import FilesSource, archive
from headwater.errors import DataError
from headwater.spec.declarations import Source
from headwater.spi.codec import FileScan
from headwater.spi.source import SourceContext, SourceReader
from headwater.types import RelationName


def reader(root: Path) -> SourceReader:
    source = Source(RelationName("ops", "flights"), "files", {"path": "data/*.csv.zip"})
    return FilesSource().open(source, SourceContext(str(root), str(root / "spool")))


def packed(root: Path, members: dict[str, bytes], name: str = "a.csv.zip") -> Path:
    path = root / "data" / name
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


def scan(root: Path) -> FileScan:
    (chunk,) = reader(root).chunks(None, max_bytes=1 << 30)
    assert isinstance(chunk.rows, FileScan)
    return chunk.rows


def test_members_in_the_order_of_their_names(tmp_path: Path) -> None:
    packed(
        tmp_path,
        {
            "b.csv": b"id\n2\n",
            "x/a.csv": b"id\n3\n",
            "a.csv": b"id\n1\n",
            "README.txt.md": b"",
            "__MACOSX/._a.csv": b"",
        },
    )
    files = scan(tmp_path).files
    assert [file.name for file in files] == [f"data/a.csv.zip!{name}" for name in ("a.csv", "b.csv", "x/a.csv")]
    assert [Path(file.path).read_bytes() for file in files] == [b"id\n1\n", b"id\n2\n", b"id\n3\n"]
    assert all(Path(file.path).is_relative_to(tmp_path / "spool") for file in files)


def test_what_was_unpacked_goes_once_it_is_acknowledged(tmp_path: Path) -> None:
    packed(tmp_path, {"a.csv": b"id\n1\n"})
    opened = reader(tmp_path)
    (chunk,) = opened.chunks(None, max_bytes=1)
    assert len(list((tmp_path / "spool").iterdir())) == 1
    opened.acknowledge(chunk.position)
    assert list((tmp_path / "spool").iterdir()) == []
    again = opened.replay(chunk.position)
    assert isinstance(again, FileScan)
    assert Path(again.files[0].path).read_bytes() == b"id\n1\n"


def test_a_single_member_may_have_any_name(tmp_path: Path) -> None:
    packed(tmp_path, {"data": b"id\n1\n"})
    assert [file.name for file in scan(tmp_path).files] == ["data/a.csv.zip!data"]


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "x/../../a.csv", "C:/a.csv", "..\\a.csv"])
def test_unsafe_names(tmp_path: Path, name: str) -> None:
    packed(tmp_path, {"ok.csv": b"id\n", name: b"id\n1\n"})
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert caught.value.message == f"data/a.csv.zip holds the unsafe name {name!r}"
    assert not (tmp_path / "spool").exists()


def test_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "free_bytes", 1 << 20)
    path = packed(tmp_path, {"a.csv": b"0" * (4 << 20)})
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    size = zipfile.ZipFile(path).infolist()[0].compress_size
    assert caught.value.message == f"data/a.csv.zip!a.csv would unpack to {4 << 20} bytes from {size}"


def test_a_bomb_of_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each member is small enough to be packed as tightly as it likes; together they fill a disk."""
    monkeypatch.setattr(archive, "free_bytes", 1 << 20)
    path = packed(tmp_path, {f"{number}.csv": b"0" * (1 << 20) for number in range(40)})
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert caught.value.message == f"data/a.csv.zip would unpack to {40 << 20} bytes from {path.stat().st_size}"
    assert not (tmp_path / "spool").exists()


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.csv": b"0" * 100_000})
    content = path.read_bytes()
    path.write_bytes(content.replace((100_000).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert caught.value.message == "data/a.csv.zip cannot be unpacked"


def test_an_archive_without_records(tmp_path: Path) -> None:
    packed(tmp_path, {"a.json": b"{}", "b.md": b""})
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert (caught.value.message, caught.value.detail) == ("data/a.csv.zip holds no csv file", "it holds: a.json, b.md")
    packed(tmp_path, {})
    with pytest.raises(DataError):
        scan(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "content", "not a zip", "empty"])
def test_damaged_archives(tmp_path: Path, damage: str) -> None:
    path = packed(tmp_path, {"a.csv": bytes(range(256)) * 400})
    content = path.read_bytes()
    path.write_bytes(
        {
            "truncated": content[: len(content) // 2],
            "content": content[:60] + b"\xff\x00" * 20 + content[100:],
            "not a zip": b"id\n1\n",
            "empty": b"",
        }[damage]
    )
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert caught.value.message == "data/a.csv.zip cannot be unpacked"


def test_an_archive_whose_directory_lies_before_its_beginning(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.csv": b"id\n1\n"})
    content = path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    path.write_bytes(content[: end + 12] + (1 << 30).to_bytes(4, "little") + content[end + 16 :])
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert caught.value.message == "data/a.csv.zip cannot be unpacked"


@given(st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_in_an_archive_is_an_error_of_the_data(tmp_path: Path, random: Random) -> None:
    path = packed(tmp_path, {"a.csv": b"id\n1\n" * 20, "b.csv": b"id\n2\n"})
    content = bytearray(path.read_bytes())
    for _ in range(random.randint(1, 12)):
        content[random.randrange(len(content))] = random.randrange(256)
    path.write_bytes(content)
    with suppress(DataError):
        scan(tmp_path)


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.csv": b"id\n1\n"})
    content = bytearray(path.read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = content.index(mark) + (6 if mark == b"PK\x03\x04" else 8)
        content[at] |= 1
    path.write_bytes(io.BytesIO(content).getvalue())
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert caught.value.message == "data/a.csv.zip!a.csv is encrypted"


def test_a_half_unpacked_member_is_unpacked_again(tmp_path: Path) -> None:
    packed(tmp_path, {"a.csv": b"id\n1\n"})
    (file,) = scan(tmp_path).files
    Path(file.path).rename(f"{file.path}.1.part")
    assert Path(scan(tmp_path).files[0].path).read_bytes() == b"id\n1\n"
