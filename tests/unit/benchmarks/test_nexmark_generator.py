"""The stream of Nexmark: the same for everybody, in its proportions, never too late, of one schema in all formats."""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow
import pytest
from benchmarks.nexmark.generator import COLUMNS, START, Format, Stream, event_query, generate
from benchmarks.nexmark.queries import QUERIES
from benchmarks.nexmark.reference import difference, run_batch


def rows(stream: Stream, first: int, count: int) -> list[tuple[object, ...]]:
    return duckdb.sql(event_query(stream, first, count)).fetchall()


def test_an_event_depends_on_its_number_and_the_seed_alone() -> None:
    whole = rows(Stream(), 0, 5_000)
    assert rows(Stream(), 0, 5_000) == whole
    assert rows(Stream(), 0, 1_700) + rows(Stream(), 1_700, 3_300) == whole
    assert rows(Stream(seed=2), 0, 5_000) != whole


def test_of_fifty_events_one_is_a_person_and_three_are_auctions() -> None:
    counts = duckdb.sql(
        f"SELECT event_type, count(*), count(person), count(auction), count(bid) "
        f"FROM ({event_query(Stream(), 0, 50_000)}) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert counts == [(0, 1_000, 1_000, 0, 0), (1, 3_000, 0, 3_000, 0), (2, 46_000, 0, 0, 46_000)]


def test_ids_count_up_and_bids_name_auctions_that_are_near() -> None:
    events = f"({event_query(Stream(), 0, 50_000)})"
    people, auctions = duckdb.sql(
        f"SELECT list(person.id) FILTER (event_type = 0), list(auction.id) FILTER (event_type = 1) FROM {events}"
    ).fetchall()[0]
    assert people == list(range(1_000, 2_000))
    assert auctions == list(range(1_000, 4_000))
    near = duckdb.sql(
        f"SELECT min(bid.auction - last), max(bid.auction - last) FROM ("
        f"SELECT *, 1000 + 3 * ((row_number() OVER () - 1) // 50) + 2 AS last FROM {events}) WHERE event_type = 2"
    ).fetchall()[0]
    assert -100 <= near[0] <= near[1] <= 10


def test_half_of_the_bids_go_to_hot_auctions_and_three_quarters_come_from_hot_bidders() -> None:
    auctions, bidders, sellers = duckdb.sql(
        "SELECT avg((bid.auction % 100 = 0)::INTEGER), avg((bid.bidder % 100 = 1)::INTEGER), "
        f"avg((auction.seller % 100 = 0)::INTEGER) FROM ({event_query(Stream(), 0, 200_000)})"
    ).fetchall()[0]
    assert auctions == pytest.approx(0.505, abs=0.01)
    assert bidders == pytest.approx(0.7525, abs=0.01)
    assert sellers == pytest.approx(0.7525, abs=0.02)


def test_a_tenth_of_the_events_is_late_and_none_by_more_than_three_seconds() -> None:
    times = [row[1] for row in rows(Stream(), 0, 100_000)]
    start = datetime.fromisoformat(START.split("'")[1])
    late = [start + timedelta(milliseconds=number // 10) - time for number, time in enumerate(times)]
    assert timedelta(0) == min(late)
    assert max(late) < timedelta(seconds=3)
    assert sum(1 for one in late if one) / len(late) == pytest.approx(0.1, abs=0.005)


def test_the_wide_stream_has_two_million_bidders_at_ten_times_the_rate() -> None:
    first, last, bidders = duckdb.sql(
        "SELECT min(date_time), max(date_time), count(DISTINCT bid.bidder) "
        f"FROM ({event_query(Stream.wide(), 0, 100_000)})"
    ).fetchall()[0]
    assert last - first < timedelta(seconds=4)
    assert bidders > 89_000


@pytest.mark.parametrize("format", ["ndjson", "parquet", "arrow"])
def test_files_of_every_format_hold_the_same_events(format: Format, tmp_path: Path) -> None:
    paths = list(generate(tmp_path / "data", Stream(), events=2_500, epoch=1_000, format=format))
    assert [path.name for path in paths] == [f"{number:06}.{format}" for number in range(3)]
    assert sorted((tmp_path / "data").iterdir()) == paths
    found = [row for path in paths for row in read(path, format)]
    assert found == rows(Stream(), 0, 2_500)


def read(path: Path, format: Format) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        if format == "arrow":
            table = pyarrow.ipc.open_file(str(path)).read_all()
            return connection.from_arrow(table).fetchall()
        if format == "parquet":
            return connection.read_parquet(str(path)).fetchall()
        declared = ", ".join(f"{name}: '{of}'" for name, of in COLUMNS.items())
        return connection.sql(
            f"SELECT * FROM read_json('{path}', format = 'newline_delimited', columns = {{{declared}}})"
        ).fetchall()


def test_a_difference_between_two_results_is_found(tmp_path: Path) -> None:
    query = QUERIES["q11"]
    list(generate(tmp_path / "data", Stream(), events=20_000, epoch=10_000, format="parquet"))
    run_batch(query, "parquet", tmp_path / "data", tmp_path / "whole.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW whole AS FROM '{tmp_path}/whole.parquet'")
        connection.execute(
            "CREATE VIEW wrong AS SELECT * REPLACE (if(bids = max(bids) OVER (), 0, bids) AS bids) FROM whole"
        )
        assert difference(query, "whole", "whole", connection) is None
        assert difference(query, "wrong", "whole", connection) is not None
