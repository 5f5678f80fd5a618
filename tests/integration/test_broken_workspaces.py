"""Every broken workspace gives its whole message, exit code 2, and is left as it was.

A case lies in the folder of the stage that has to find its mistake.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from headwater import api
from headwater.errors import HeadwaterError
from headwater.spec import read_workspace

CASES = Path(__file__).parents[1] / "golden" / "broken"

STAGES: Mapping[str, Callable[[Path], object]] = {
    "read": read_workspace,
    "check": lambda root: api.check(api.load(root)),
}


def too_big(root: Path) -> None:
    with (root / "big.odcs.yaml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)


def folder_for_a_file(root: Path) -> None:
    (root / "orders.odcs.yaml").mkdir()


def folder_for_the_settings(root: Path) -> None:
    (root / "headwater.yaml").unlink()
    (root / "headwater.yaml").mkdir()


def no_settings(root: Path) -> None:
    (root / "headwater.yaml").unlink()


def dangling_link(root: Path) -> None:
    (root / "orders.sql").symlink_to("gone.sql")


def link_out(root: Path) -> None:
    outside = root.parent / "outside.sql"
    outside.write_text("SELECT 1 AS id\n")
    (root / "orders.sql").symlink_to(outside)


def link_cycle(root: Path) -> None:
    (root / "orders.sql").symlink_to("orders.sql")


def deep_nesting(root: Path) -> None:
    (root / "headwater.yaml").write_text("name: " + "[" * 100_000 + "\n")


def huge_scalar(root: Path) -> None:
    (root / "headwater.yaml").write_text(f"name: {'x' * 4_000_000}\n")


def huge_number(root: Path) -> None:
    (root / "headwater.yaml").write_text(f"name: {'9' * 100_000}\n")


def wide_line(root: Path) -> None:
    (root / "headwater.yaml").write_text(f"name: shop\nconnections: {{{'x' * 5_000}: {{}}}}\n")


def byte_order_mark(root: Path) -> None:
    (root / "headwater.yaml").write_bytes(b"\xef\xbb\xbfname: 7\n")


def carriage_returns(root: Path) -> None:
    (root / "headwater.yaml").write_bytes(b"name: shop\r\nconections: {}\r\n")
    (root / "a.sql").write_bytes(b"MODEL (name a,\r\n  output detla);\r\nSELECT 1 AS id\r\n")


def many_errors(root: Path) -> None:
    keys = "".join(f"key_{number}: 1\n" for number in range(60))
    (root / "headwater.yaml").write_text(f"name: shop\n{keys}")


PREPARED: Mapping[str, Callable[[Path], None]] = {
    "errors_beyond_fifty": many_errors,
    "file_byte_order_mark": byte_order_mark,
    "file_carriage_returns": carriage_returns,
    "file_is_a_folder": folder_for_a_file,
    "file_link_cycle": link_cycle,
    "file_link_out": link_out,
    "file_link_to_nothing": dangling_link,
    "file_too_big": too_big,
    "settings_is_a_folder": folder_for_the_settings,
    "settings_missing": no_settings,
    "yaml_deep_nesting": deep_nesting,
    "yaml_huge_number": huge_number,
    "yaml_huge_scalar": huge_scalar,
    "yaml_wide_line": wide_line,
}

NAMES = sorted(
    {f"{stage}/{path.name}" for stage in STAGES for path in (CASES / stage).iterdir()}
    | {f"read/{name}" for name in PREPARED}
)


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_workspace_is_refused_with_its_whole_message(
    name: str, tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    root = tmp_path / "workspace"
    stage, _, case = name.partition("/")
    if case in PREPARED:
        root.mkdir()
        (root / "headwater.yaml").write_text("name: shop\n")
        PREPARED[case](root)
    else:
        shutil.copytree(CASES / name, root, ignore=shutil.ignore_patterns("expected.txt"))
    before = state(root)

    with pytest.raises(HeadwaterError) as found:
        STAGES[stage](root)

    assert found.value.exit_code == 2
    assert state(root) == before
    golden(f"broken/{name}/expected.txt", f"{found.value}\n")


def state(root: Path) -> list[tuple[str, int, int]]:
    """Every path below the root with its size and time of change; the cache of analyses is no result."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != "cache"]
        for name in names:
            status = (Path(folder) / name).lstat()
            found.append((f"{folder}/{name}", status.st_size, status.st_mtime_ns))
    return sorted(found)
