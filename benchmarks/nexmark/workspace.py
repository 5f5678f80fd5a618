"""A headwater workspace for some queries: the event files as one bounded source, contracts, views and models.

Apart from the suite so that the workspace can be looked at and run by hand:
``python -m benchmarks.nexmark.workspace ROOT DATA --format ndjson --queries q5,q7``, then ``headwater -C ROOT run``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import yaml

from benchmarks.nexmark.generator import COLUMNS
from benchmarks.nexmark.queries import HERE, QUERIES, Query, chosen
from benchmarks.nexmark.reference import SIDE_INPUT

__all__ = ["WATERMARK", "write_workspace"]

WATERMARK = "PT4S"
LOGICAL = {"INTEGER": "integer", "BIGINT": "integer", "HUGEINT": "integer", "DOUBLE": "number", "VARCHAR": "string"}


def write_workspace(
    root: Path, data: Path, format: str, queries: Sequence[Query], *, settings: Mapping[str, object] | None = None
) -> None:
    """Write it anew at ``root``; the files of ``data`` are linked, not copied, and each is an epoch.

    Args:
        settings: further keys of the environment.
    """
    shutil.rmtree(root, ignore_errors=True)
    product = root / "nexmark"
    product.mkdir(parents=True)
    (root / "data").mkdir()
    for path in data.glob(f"*.{format}"):
        (root / "data" / path.name).hardlink_to(path)
    environment = {"lake": {"format": "delta"}, "settings": {"threads": 2}, "epoch": {"bytes": 1}, **(settings or {})}
    _write(
        root / "headwater.yaml",
        {"name": "nexmark_bench", "environments": {"local": environment}, "default_environment": "local"},
    )
    sources: dict[str, object] = {
        "events": {
            "kind": "files",
            "path": f"data/*.{format}",
            "format": format,
            "bounded": True,
            "columns": dict(COLUMNS),
        }
    }
    if any(query.side for query in queries):
        sources["side_input"] = {"kind": "files", "path": "side_input.parquet", "bounded": True}
        duckdb.execute(f"COPY ({SIDE_INPUT}) TO '{root}/side_input.parquet' (FORMAT parquet)")
    _write(product / "sources.yaml", {"sources": sources})
    _write(product / "events.odcs.yaml", _events_contract())
    for view in sorted({view for query in queries for view in query.views}):
        shutil.copy(HERE / "models" / f"{view}.sql", product)
    for query in queries:
        (product / f"{query.name}.sql").write_text(query.model)
        _write(product / f"{query.name}.odcs.yaml", _contract(query))


def _events_contract() -> dict[str, object]:
    """Every event is of a known type and has a time; every bid names an auction, a bidder and a price."""
    rules: dict[str, dict[str, object]] = {
        "event_type": {"logicalType": "integer", "required": True, "enum": [{"value": value} for value in (0, 1, 2)]},
        "date_time": {"logicalType": "timestamp", "required": True},
        "bid": {
            "logicalType": "object",
            "properties": [
                {"name": "auction", "logicalType": "integer", "physicalType": "BIGINT", "required": True},
                {"name": "bidder", "logicalType": "integer", "physicalType": "BIGINT", "required": True},
                {
                    "name": "price",
                    "logicalType": "integer",
                    "physicalType": "BIGINT",
                    "required": True,
                    "logicalTypeOptions": {"minimum": 100},
                },
            ],
        },
    }
    properties = [
        {"name": name, "physicalType": of, "logicalType": "object", **rules.get(name, {})}
        for name, of in COLUMNS.items()
    ]
    time = {"property": "eventTime", "vendor": "headwater", "value": {"column": "date_time", "watermark": WATERMARK}}
    return {**_head("events", properties), "customProperties": [time]}


def _contract(query: Query) -> dict[str, object]:
    """Every column has its type and no NULL."""
    properties = [
        {"name": name, "logicalType": _logical(of), "physicalType": of, "required": True}
        for name, of in query.columns.items()
    ]
    return _head(query.name, properties)


def _logical(type: str) -> str:
    return LOGICAL.get(type, "timestamp" if type == "TIMESTAMP" else "number")


def _head(name: str, properties: list[dict[str, object]]) -> dict[str, object]:
    table = {"name": name, "logicalType": "object", "physicalType": "table", "properties": properties}
    head = {"apiVersion": "v3.2.0", "kind": "DataContract", "id": f"nexmark.{name}", "version": "1.0.0"}
    return {**head, "name": name, "status": "active", "schema": [table]}


def _write(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, width=1000))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nexmark.workspace", description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--format", default="ndjson")
    parser.add_argument("--queries", default=",".join(QUERIES))
    arguments = parser.parse_args()
    write_workspace(arguments.root, arguments.data, arguments.format, chosen(arguments.queries.split(",")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
