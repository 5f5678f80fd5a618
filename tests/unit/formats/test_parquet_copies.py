"""A Parquet table whose folder was copied without its links: read as it is, never written to in silence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from headwater.errors import TerminalError
from headwater.formats.tables.parquet import ParquetFormat
from headwater.spi import CommitId, PublishMode, Table, TableLocation, TableSpec
from headwater.types import RelationName, Schema

NAME = RelationName("shop", "orders")
SPEC = TableSpec(Schema.of({"id": "BIGINT"}))


def opened(lake: Path) -> Table:
    return ParquetFormat().open(TableLocation(str(lake), NAME))


def publish(table: Table, epoch: int, mode: PublishMode = PublishMode.APPEND) -> None:
    rows = pa.table({"id": pa.array([epoch], pa.int64())})
    table.commit(table.stage(rows.to_reader(), SPEC, CommitId(NAME, "f", epoch), mode))


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    table = opened(tmp_path / "lake")
    publish(table, 1)
    publish(table, 2, PublishMode.REPLACE)
    publish(table, 3)
    return tmp_path / "lake"


def test_a_copy_that_followed_links_is_read(lake: Path, tmp_path: Path) -> None:
    shutil.copytree(lake, tmp_path / "copy")
    assert opened(tmp_path / "copy").row_count() == 2


def test_a_copy_that_followed_links_is_not_committed_to(lake: Path, tmp_path: Path) -> None:
    shutil.copytree(lake, tmp_path / "copy")
    link = tmp_path / "copy" / "shop" / "orders" / "current"
    with pytest.raises(TerminalError) as caught:
        publish(opened(tmp_path / "copy"), 4)
    assert str(caught.value) == (
        f"{link} is not the symbolic link it was\n"
        "  it is a folder, so a commit could not replace it in one step; "
        "the table was copied without keeping its links\n"
        f"  hint: copy it with its links (cp -a, rsync -a, tar), or remove it and run: ln -s generations/2 {link}"
    )


def test_a_copy_that_dropped_links_is_not_taken_for_an_absent_table(lake: Path) -> None:
    (lake / "shop" / "orders" / "current").unlink()
    with pytest.raises(TerminalError) as caught:
        opened(lake).version()
    assert caught.value.detail == (
        "it is missing, though the table has generations; the table was copied without keeping its links"
    )


def test_the_mend_that_the_message_names_mends(lake: Path) -> None:
    link = lake / "shop" / "orders" / "current"
    link.unlink()
    link.symlink_to("generations/2")
    publish(opened(lake), 4)
    assert opened(lake).row_count() == 3
