"""Views are computed when somebody asks, from what runs have read and published."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater import api
from headwater.api import Project
from headwater.errors import UsageError

FILES = {
    "headwater.yaml": """
name: shop
sources:
  orders: {kind: files, path: "orders*.csv", columns: {id: bigint, amount: "decimal(10,2)"}}
""",
    "orders.csv": "id,amount\n1,10.00\n2,20.00\n",
    "big.sql": "MODEL (name big); SELECT id, amount FROM orders WHERE amount > 15",
    "seen.sql": "MODEL (name seen, output view); SELECT id, amount FROM orders",
    "both.sql": "MODEL (name both, output view); SELECT seen.id, big.amount FROM seen LEFT JOIN big USING (id)",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    project = api.load(tmp_path)
    api.run(project)
    return project


def test_a_view_over_a_source_shows_what_was_read(project: Project) -> None:
    assert api.query(project, "SELECT id FROM shop.seen ORDER BY id").rows == ((1,), (2,))
    (project.root / "orders2.csv").write_text("id,amount\n3,30.00\n")
    assert len(api.query(project, "SELECT * FROM seen").rows) == 2
    api.run(project)
    assert len(api.query(project, "SELECT * FROM seen").rows) == 3


def test_a_view_over_a_view_and_a_table(project: Project) -> None:
    found = api.query(project, "SELECT * FROM shop.both ORDER BY id")
    assert found.columns == ("id", "amount")
    assert [row[1] is None for row in found.rows] == [True, False]


def test_a_view_has_no_past(project: Project) -> None:
    with pytest.raises(UsageError) as raised:
        api.query(project, "SELECT * FROM shop.both FOR VERSION AS OF 1")
    assert raised.value.message == "shop.both is a view: it has no past of its own"


def test_before_the_first_run_a_view_is_empty_or_says_what_is_missing(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    project = api.load(tmp_path)
    assert api.query(project, "SELECT * FROM shop.seen").rows == ()
    with pytest.raises(UsageError) as raised:
        api.query(project, "SELECT * FROM shop.both")
    assert raised.value.hint == "'headwater run' publishes it"
