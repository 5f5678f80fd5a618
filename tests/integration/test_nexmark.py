"""The queries of Nexmark give the answer of a batch query that was written by hand, whatever kind maintains them."""

from pathlib import Path

import duckdb
import pytest
from benchmarks.nexmark.generator import Format, Stream, generate
from benchmarks.nexmark.queries import QUERIES
from benchmarks.nexmark.reference import difference, run_batch
from benchmarks.nexmark.workspace import write_workspace
from deltalake import DeltaTable

from headwater import api


@pytest.mark.parametrize("format", ["ndjson", "parquet", "arrow"])
def test_every_query_equals_its_batch_query(format: Format, tmp_path: Path) -> None:
    data, root = tmp_path / "data", tmp_path / "workspace"
    list(generate(data, Stream(rate=500), events=15_000, epoch=2_500, format=format))
    write_workspace(root, data, format, list(QUERIES.values()))
    outcome = api.run(api.load(root))
    assert outcome.exit_code == 0
    assert [product.epochs for product in outcome.products] >= [6]
    differences = {}
    with duckdb.connect() as connection:
        for query in QUERIES.values():
            run_batch(query, format, data, tmp_path / "expected.parquet")
            table = DeltaTable(str(root / ".headwater" / "local" / "lake" / "nexmark" / query.name))
            connection.register("published", table.to_pyarrow_dataset())
            found = difference(query, "published", f"'{tmp_path}/expected.parquet'", connection)
            if found:
                differences[query.name] = found
    assert differences == {}
