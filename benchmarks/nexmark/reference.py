"""The answer of one batch query over the same files, and whether another result is the same bag of rows.

Apart because it is the judge: it shares no code with what it judges, only the data and DuckDB.
Run as ``python -m benchmarks.nexmark.reference QUERY FORMAT FOLDER OUT.parquet`` it is the one-shot contender, and
prints its seconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from benchmarks.nexmark.generator import AUCTION, BID, COLUMNS, PERSON
from benchmarks.nexmark.queries import NARROW, QUERIES, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SIDE_INPUT", "difference", "open_views", "run_batch"]

STRUCTURES = {"person": PERSON, "auction": AUCTION, "bid": BID}
SIDE_INPUT = "SELECT range AS key, md5(range::VARCHAR) AS value FROM range(10000)"
"""The table that q13 looks up."""


def run_batch(query: Query, format: str, folder: Path, out: Path) -> float:
    """Run a batch query over all files of a folder at once, its result to a Parquet file; returns the seconds."""
    started = time.perf_counter()
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        held = open_views(connection, query, format, folder)
        connection.execute(f"COPY ({query.batch}) TO '{out}' (FORMAT parquet)")
        del held
    return time.perf_counter() - started


def open_views(connection: duckdb.DuckDBPyConnection, query: Query, format: str, folder: Path) -> list[Any]:
    """Make views ``persons``, ``auctions``, ``bids``, ``side_input``; keep what is returned while they are used."""
    needed = NARROW[query.name]
    held: list[Any] = []
    if format == "ndjson":
        columns = {name: _narrowed(whole, needed.get(name, ())) for name, whole in COLUMNS.items()}
        declared = ", ".join(f"{name}: '{narrowed}'" for name, narrowed in columns.items() if narrowed)
        source = f"read_json('{folder}/*.ndjson', format = 'newline_delimited', columns = {{{declared}}})"
    elif format == "parquet":
        source = f"read_parquet('{folder}/*.parquet')"
    else:
        source = "mapped"
        held.append(_mapped(connection, folder))
    for number, (view, structure) in enumerate((("persons", "person"), ("auctions", "auction"), ("bids", "bid"))):
        if structure in needed:
            fields = ", ".join(f"{structure}.{field} AS {field}" for field in needed[structure])
            connection.execute(
                f"CREATE VIEW {view} AS SELECT {fields}, date_time FROM {source} WHERE event_type = {number}"
            )
    connection.execute(f"CREATE VIEW side_input AS {SIDE_INPUT}")
    return held


def _mapped(connection: duckdb.DuckDBPyConnection, folder: Path) -> Any:
    import pyarrow

    readers = [pyarrow.ipc.open_file(pyarrow.memory_map(str(path))) for path in sorted(folder.glob("*.arrow"))]
    batches = [reader.get_batch(number) for reader in readers for number in range(reader.num_record_batches)]
    table = pyarrow.Table.from_batches(batches)
    connection.register("mapped", table)
    return table


def _narrowed(type: str, fields: Sequence[str]) -> str | None:
    """A structure with some of its fields; other types as they are; None for a structure without fields."""
    if not type.startswith("STRUCT("):
        return type
    kept = [part for part in type[7:-1].split(", ") if part.split()[0] in fields]
    return f"STRUCT({', '.join(kept)})" if kept else None


def difference(query: Query, left: str, right: str, connection: duckdb.DuckDBPyConnection) -> str | None:
    """None when two relations of the connection are the same bag of a query's rows, else what differs.

    Floats are compared to nine digits: averages of the same numbers added in another order.
    """
    columns = ", ".join(
        f"CAST(printf('%.9g', {name}::DOUBLE) AS DOUBLE) AS {name}" if of == "DOUBLE" else f"{name}::{of} AS {name}"
        for name, of in query.columns.items()
    )
    sums = [
        connection.execute(
            f"SELECT count(*), sum(hash({', '.join(query.columns)})::HUGEINT) FROM (SELECT {columns} FROM {relation})"
        ).fetchall()[0]
        for relation in (left, right)
    ]
    if sums[0] == sums[1]:
        return None
    samples = [
        connection.execute(
            f"SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {other} ORDER BY ALL LIMIT 2"
        ).fetchall()
        for one, other in ((left, right), (right, left))
    ]
    return f"{sums[0][0]} rows against {sums[1][0]}; only left: {samples[0]}; only right: {samples[1]}"


def main() -> int:
    name, written_as, folder, out = sys.argv[1:5]
    print(run_batch(QUERIES[name], written_as, Path(folder), Path(out)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
