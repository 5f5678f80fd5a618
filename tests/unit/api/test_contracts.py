"""Contracts inferred, compared with files and revisions, and held against relations."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from headwater import api
from headwater.errors import DeclarationErrors, UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    api.init_from_template(tmp_path, "flights", name="flights")
    return tmp_path


CONTRACT = "operations/flights.odcs.yaml"


def changed(root: Path, old: str, new: str) -> None:
    path = root / CONTRACT
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(("workspace", "id"), [("shop", "shop.orders"), ("market", "market.shop.orders")])
def test_an_inferred_contract_is_named_as_its_relation(tmp_path: Path, workspace: str, id: str) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "headwater.yaml").write_text(f"name: {workspace}\n")
    (tmp_path / "shop/orders.sql").write_text("SELECT 1 AS id\n")
    inferred = api.infer_contract(api.load(tmp_path), "shop.orders")
    assert inferred.text.splitlines()[2] == f"id: {id}"


def test_a_contract_is_compared_with_its_version_at_a_revision(root: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    changed(
        root,
        "      - name: dest\n        logicalType: string\n        physicalType: VARCHAR\n        required: true\n",
        "",
    )
    (compared,) = api.diff_contracts(root, "git:HEAD", CONTRACT)
    assert compared.breaking
    assert [(change.severity, change.column, change.what) for change in compared.changes] == [
        ("breaking", "dest", "column removed")
    ]


def test_a_breaking_change_names_all_that_is_computed_from_the_column(root: Path) -> None:
    old = root / "old.odcs.yaml"
    old.write_text((root / CONTRACT).read_text().replace("id: flights.operations", "id: old"))
    text = old.read_text()
    old.unlink()
    elsewhere = root.parent / "old.odcs.yaml"
    elsewhere.write_text(text)
    changed(
        root,
        "name: carrier\n        logicalType: string\n        physicalType: VARCHAR\n        required: true",
        "name: carrier\n        logicalType: string\n        physicalType: VARCHAR",
    )
    (compared,) = api.diff_contracts(root, str(elsewhere), CONTRACT)
    (change,) = [each for each in compared.changes if each.severity == "breaking"]
    assert (change.column, change.what) == ("carrier", "no longer required")
    assert {str(each.relation) for each in change.affects} == {"delays.departures", "delays.delay_by_carrier"}


def test_outside_of_a_workspace_nobody_is_known_to_break(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("alone")
    for name in ("old", "new"):
        (folder / f"{name}.odcs.yaml").write_text((root / CONTRACT).read_text())
    (compared,) = api.diff_contracts(folder, "old.odcs.yaml", "new.odcs.yaml")
    assert compared.changes == ()
    assert not compared.consumers_known


@pytest.mark.parametrize("revision", ["git:", "git:--output=x", "git:no-such-revision"])
def test_a_revision_that_is_none_is_refused(root: Path, revision: str) -> None:
    with pytest.raises(UsageError):
        api.diff_contracts(root, revision, CONTRACT)


def test_a_contract_that_disagrees_is_an_error_in_its_file(root: Path) -> None:
    assert len(api.check_contracts(api.load(root))) == 1
    changed(root, "name: distance\n        logicalType: integer", "name: length\n        logicalType: integer")
    with pytest.raises(DeclarationErrors) as raised:
        api.check_contracts(api.load(root))
    assert {error.where.path for error in raised.value.errors if error.where} == {CONTRACT}


def test_an_inferred_contract_promises_what_the_rows_keep(root: Path) -> None:
    project = api.load(root)
    before = api.infer_contract(project, "delays.delay_by_carrier")
    assert before.path == "delays/delay_by_carrier.odcs.yaml"
    assert not (root / before.path).exists()
    api.run(project)
    written = api.infer_contract(project, "delays.delay_by_carrier", write=True)
    assert written.text.count("required: true") > before.text.count("required: true")
    assert (root / written.path).read_text() == written.text
    assert len(api.check_contracts(api.load(root))) == 2
    with pytest.raises(UsageError):
        api.infer_contract(project, "delays.delay_by_carrier", write=True)
