"""Finding a workspace, its environment, and the relation somebody means."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater import api
from headwater.api.project import find_root, relation_named
from headwater.errors import UsageError

SETTINGS = """
name: shop
default_environment: dev
environments:
  dev: {}
  prod: {metadata: "${env:METADATA_URL}"}
sources:
  orders: {kind: files, path: orders.csv, columns: {id: bigint}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "headwater.yaml").write_text(SETTINGS)
    (tmp_path / "returns").mkdir()
    (tmp_path / "returns" / "orders.sql").write_text("SELECT id FROM shop.orders")
    (tmp_path / "returns" / "refunds.sql").write_text("SELECT id FROM orders")
    return tmp_path


def test_the_nearest_workspace_upwards_is_found(root: Path) -> None:
    below = root / "returns" / "deep"
    below.mkdir()
    assert find_root(below) == root.resolve()
    assert api.load(below).workspace.name == "shop"


def test_an_environment_is_chosen_by_name(root: Path) -> None:
    assert api.load(root).environment.name == "dev"
    assert api.load(root, "prod").environment.name == "prod"
    with pytest.raises(UsageError) as raised:
        api.load(root, "pord")
    assert raised.value.hint == "did you mean 'prod'?"


def test_a_secret_is_resolved_only_when_the_environment_is_used(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = api.load(root, "prod")
    monkeypatch.delenv("METADATA_URL", raising=False)
    with pytest.raises(UsageError) as raised:
        _ = project.layout
    assert raised.value.message == "the environment variable 'METADATA_URL' is not set"
    monkeypatch.setenv("METADATA_URL", "sqlite:///elsewhere.db")
    assert project.layout.metadata == "sqlite:///elsewhere.db"
    assert project.environment.metadata == "${env:METADATA_URL}"


def test_a_relation_is_named_in_full_or_alone_when_that_is_clear(root: Path) -> None:
    project = api.load(root)
    assert str(relation_named(project, "returns.refunds")) == "returns.refunds"
    assert str(relation_named(project, "REFUNDS")) == "returns.refunds"
    with pytest.raises(UsageError) as raised:
        relation_named(project, "orders")
    assert raised.value.hint == "name one of: returns.orders, shop.orders"
    with pytest.raises(UsageError) as raised:
        relation_named(project, "returns.refund")
    assert raised.value.hint == "did you mean 'returns.refunds'?"
