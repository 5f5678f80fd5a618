"""Settings are checked, and what a query may reach cannot be changed by a query."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.engines.duckdb import DuckDBEngine
from headwater.engines.duckdb.settings import EngineSettings
from headwater.errors import HeadwaterError, UsageError
from headwater.types import Json


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory": "1GB"}, "there is no engine setting 'memory'"),
        ({"memory_limit": "much"}, "the engine setting 'memory_limit' must be a size such as 2GB, not 'much'"),
        ({"memory_limit": 5}, "the engine setting 'memory_limit' must be a size such as 2GB, not 5"),
        ({"threads": 0}, "the engine setting 'threads' must be a whole number from 1, not 0"),
        ({"threads": True}, "the engine setting 'threads' must be a whole number from 1, not True"),
        ({"temp_directory": ""}, "the engine setting 'temp_directory' must be a path, not ''"),
        ({"allowed_directories": "/x"}, "the engine setting 'allowed_directories' must be a list of paths, not '/x'"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Json], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        EngineSettings.of(settings)
    assert caught.value.message == message


def test_settings_reach_the_engine(engine: DuckDBEngine) -> None:
    with engine.query({"memory_limit": "300MB", "threads": 1}) as session:
        ((memory, threads, zone),) = session.fetch(
            "SELECT current_setting('memory_limit'), current_setting('threads'), current_setting('TimeZone')"
        )
    assert (memory, threads, zone) == ("286.1 MiB", 1, "UTC")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('{outside}/secret.txt')",
        "SELECT * FROM read_text('{inside}/../outside/secret.txt')",
        "SELECT * FROM read_text('{inside}/link/secret.txt')",
        "COPY (SELECT 1) TO '{outside}/made.csv'",
        "ATTACH '{outside}/made.duckdb'",
        "INSTALL httpfs",
        "SET allowed_directories = ['/']",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET TimeZone = 'Asia/Tokyo'",
    ],
)
def test_a_query_stays_in_the_allowed_folders(engine: DuckDBEngine, tmp_path: Path, statement: str) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (inside / "link").symlink_to(outside)
    with (
        engine.query({"allowed_directories": [str(inside)]}) as session,
        pytest.raises(HeadwaterError),
    ):
        session.execute(statement.format(inside=inside, outside=outside))
    assert sorted(path.name for path in outside.iterdir()) == ["secret.txt"]


def test_files_in_the_allowed_folders_are_read(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    with engine.query({"allowed_directories": [str(tmp_path)]}) as session:
        assert session.fetch(f"SELECT content FROM read_text('{tmp_path}/note.txt')") == [("hello",)]


def test_nothing_spills_into_the_current_folder(
    engine: DuckDBEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with engine.query({"memory_limit": "60MB", "threads": 1}) as session:
        assert session.create(
            '"w"', "SELECT i, hash(i) AS h, i::VARCHAR || 'filler' AS t FROM range(3_000_000) AS r(i)"
        )
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_variables_of_the_process_are_no_tables(engine: DuckDBEngine) -> None:
    import pyarrow as pa

    hidden = pa.table({"x": [1]})
    with engine.query({}) as session, pytest.raises(HeadwaterError):
        session.fetch("SELECT * FROM hidden")
    assert hidden.num_rows == 1
