"""New workspaces, from templates and from data."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from headwater import api
from headwater.errors import DataError, UsageError


@pytest.mark.parametrize("template", api.templates())
def test_a_template_makes_a_workspace_that_checks_and_runs(tmp_path: Path, template: str) -> None:
    created = api.init_from_template(tmp_path / "first", template)
    assert {
        str(path.relative_to(tmp_path / "first")) for path in (tmp_path / "first").rglob("*") if path.is_file()
    } == set(created.files)
    project = api.load(tmp_path / "first")
    assert api.check(project).models == len(created.relations)
    outcome = api.run(project)
    assert outcome.exit_code == 0
    assert outcome.balanced
    for relation in created.relations:
        assert api.query(project, f"SELECT * FROM {relation}").rows


def test_the_name_is_the_folders_unless_given(tmp_path: Path) -> None:
    assert api.init_from_template(tmp_path / "My Shop 1").name == "my_shop_1"
    assert api.init_from_template(tmp_path / "2024").name == "w_2024"
    assert api.init_from_template(tmp_path / "other", name="shop").name == "shop"
    with pytest.raises(UsageError):
        api.init_from_template(tmp_path / "third", name="no good")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "revenue_by_day.sql").write_text("mine")
    with pytest.raises(UsageError) as raised:
        api.init_from_template(tmp_path)
    assert "revenue_by_day.sql" in raised.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["revenue_by_day.sql"]


def test_an_unknown_template_is_answered_with_the_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        api.init_from_template(tmp_path, "minimum")
    assert raised.value.hint == "did you mean 'minimal'?"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    (folder / "events").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "Order Lines.csv").write_text("id,order,Unit Price,shipped\n1,7,2.50,NA\n2,7,1.25,2024-01-02\n")
    (folder / "events" / "2024-01.ndjson").write_text('{"at": "2024-01-01T00:00:00", "kind": {"name": "a"}}\n')
    (folder / "events" / "2024-02.ndjson").write_text('{"at": "2024-02-01T00:00:00", "kind": {"name": "b"}}\n')
    (folder / "rates-1.csv.gz").write_bytes(gzip.compress(b"day,rate\n2024-01-01,1.5\n"))
    (folder / "rates-2.csv.gz").write_bytes(gzip.compress(b"day,factor\n2024-01-01,1.5\n"))
    (folder / "odd[1].tsv").write_text("a\tb\n1\tx\n")
    (folder / ".hidden" / "secret.csv").write_text("a\n1\n")
    (folder / "notes.md").write_text("not data")
    return folder


def test_a_folder_of_data_becomes_sources_models_and_contracts(tmp_path: Path, data: Path) -> None:
    created = api.init_from_files(tmp_path / "shop", data)
    assert created.relations == ("shop.order_lines", "shop.events", "shop.odd_1", "shop.rates_1", "shop.rates_2")
    project = api.load(tmp_path / "shop")
    assert api.check(project).contracts == 5
    outcome = api.run(project)
    assert (outcome.exit_code, outcome.balanced) == (0, True)
    lines = api.query(project, "SELECT * FROM shop.order_lines ORDER BY id")
    assert lines.columns == ("id", "order", "Unit Price", "shipped")
    assert [row[3] is None for row in lines.rows] == [True, False]
    assert api.query(project, "SELECT kind.name FROM shop.events ORDER BY 1").rows == (("a",), ("b",))
    assert api.query(project, "SELECT * FROM shop.odd_1").rows == ((1, "x"),)


def test_data_inside_the_workspace_stays_where_it_is(tmp_path: Path, data: Path) -> None:
    created = api.init_from_files(tmp_path, data, name="shop")
    assert not [file for file in created.files if file.startswith("data/")]
    assert api.run(api.load(tmp_path)).exit_code == 0


def test_one_file_is_enough(tmp_path: Path, data: Path) -> None:
    created = api.init_from_files(tmp_path / "shop", data / "Order Lines.csv")
    assert created.relations == ("shop.order_lines",)
    assert "data/Order Lines.csv" in created.files


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        api.init_from_files(tmp_path / "shop", tmp_path)
    assert not (tmp_path / "shop").exists()


def test_data_that_cannot_be_read_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError):
        api.init_from_files(tmp_path / "shop", tmp_path / "broken.parquet")
    assert not (tmp_path / "shop").exists()
