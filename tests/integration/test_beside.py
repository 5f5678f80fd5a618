"""Two processes in one environment: runs of different products, and maintenance beside a run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from headwater import api
from headwater.errors import TransientError
from headwater.runtime.locks import maintaining
from headwater.runtime.metadata import MetadataStore

workspace = """\
name: shop
environments:
  dev: {lake: {format: delta}, settings: {threads: 1}}
sources:
  orders: {kind: files, path: "data/*.csv", format: csv, columns: {id: bigint}}
"""
worker = """\
import sys
from headwater import api
from headwater.runtime.locks import maintaining

def wait(event):
    if type(event).__name__ == sys.argv[3]:
        print("here", flush=True)
        sys.stdin.readline()

project = api.load(sys.argv[1])
if sys.argv[2] == "maintain":
    with maintaining(project.layout):
        print("here", flush=True)
        sys.stdin.readline()
else:
    sys.exit(api.run(project, products=sys.argv[4:], listener=wait).exit_code)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "headwater.yaml": workspace,
        "first.sql": "SELECT id FROM orders",
        "second/other.sql": "SELECT 1 AS id",
        "third/more.sql": "SELECT 2 AS id",
        "data/a.csv": "id\n1\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


@contextmanager
def beside(root: Path, *arguments: str, code: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Another process that stands still where it was told to, and goes on when the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", worker, str(root), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        yield process
        process.stdin.close()
        assert process.wait(timeout=60) == code


def statuses(root: Path) -> list[tuple[str, dict[str, str]]]:
    """The newest runs, each with the status of its products."""
    with MetadataStore.open(api.load(root).layout.metadata) as store:
        runs = [store.run(run.run) for run in store.runs()]
    return [(run.status, {product.product: product.status for product in run.products}) for run in runs if run]


def test_maintenance_waits_for_no_run_and_disturbs_none(root: Path) -> None:
    assert api.run(api.load(root)).exit_code == 0
    (root / "data/b.csv").write_text("id\n2\n")
    project = api.load(root)
    with beside(root, "run", "StateCommitted"):
        ((status, _), *_) = statuses(root)
        assert status == "running"
        with pytest.raises(TransientError) as caught:
            api.maintain(project, keep=timedelta(0))
        assert caught.value.message == "the environment 'dev' is in use"
        assert [table.report for table in api.maintain(project, dry_run=True)] == [None, None, None]
    maintained = {str(table.relation): table.report for table in api.maintain(project, keep=timedelta(0))}
    report = maintained["shop.first"]
    assert report is not None
    assert (report.files_before, report.files_after) == (2, 1)
    assert api.query(project, "SELECT id FROM shop.first ORDER BY id").rows == ((1,), (2,))


def test_a_run_does_not_begin_while_tables_are_maintained(root: Path) -> None:
    with beside(root, "maintain"):
        with pytest.raises(TransientError) as caught:
            api.run(api.load(root))
        assert caught.value.message == "the tables of the environment 'dev' are being maintained"
        with pytest.raises(TransientError):
            api.maintain(api.load(root))
    assert api.run(api.load(root)).exit_code == 0


def test_a_run_of_another_product_leaves_a_live_run_as_it_is(root: Path) -> None:
    with beside(root, "run", "StateCommitted", "shop", "third"):
        assert api.run(api.load(root), products=["third"]).exit_code == 0
        assert statuses(root) == [
            ("done", {"third": "done"}),
            ("running", {"shop": "running", "third": "waiting"}),
        ]
    assert statuses(root)[1] == ("done", {"shop": "done", "third": "unchanged"})


@pytest.mark.parametrize("event", ["RunStarted", "StateCommitted", "ProductFinished"])
def test_a_run_that_was_killed_is_found_by_the_next_one(root: Path, event: str) -> None:
    with beside(root, "run", event, "shop", "third", code=-9) as process:
        process.kill()
    assert api.run(api.load(root), products=["second"]).exit_code == 0
    newest, killed = statuses(root)
    assert newest == ("done", {"second": "done"})
    assert killed[0] == "interrupted"
    assert killed[1]["third"] == "interrupted"
    with maintaining(api.load(root).layout):
        assert not list((root / ".headwater/dev/locks").glob("*.run"))
