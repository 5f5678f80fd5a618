"""What is durable stays so: folders are known as long as they are the same."""

from __future__ import annotations

import shutil
from pathlib import Path

from headwater.formats.tables.storage import SyncedFolders


def test_folders_that_are_gone_are_made_again(tmp_path: Path) -> None:
    synced = SyncedFolders(tmp_path)
    for number in range(3):
        folder = tmp_path / "product" / "table" / "_staging" / str(number)
        folder.mkdir(parents=True)
        (folder / "a.parquet").write_bytes(b"rows")
        (folder / "young").mkdir()
        (folder / "young" / "b.parquet").write_bytes(b"rows")
        synced.make_durable(folder, ["a.parquet", "young/b.parquet"])
        assert sorted(file.name for file in folder.rglob("*.parquet")) == ["a.parquet", "b.parquet"]
        if number == 1:
            shutil.rmtree(tmp_path / "product")


def test_a_folder_without_files_is_made(tmp_path: Path) -> None:
    SyncedFolders(tmp_path).make_durable(tmp_path / "product" / "table", [])
    assert (tmp_path / "product" / "table").is_dir()
