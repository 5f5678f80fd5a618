"""The queries of Nexmark that are measured: as models, as batch queries written by hand, and what they publish.

Apart from their SQL (``models``, ``batch``, ``flink``) because workspace, reference and peers all ask the same
things of a query: which views it reads, and its columns. q10 (a sink), q12 in processing time and q21 (regular
expressions) of the original have no repeatable answer or nothing of their own to measure; q12 runs in event time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

__all__ = ["HERE", "NARROW", "QUERIES", "Query", "chosen"]

HERE: Final = Path(__file__).parent

COUNTS: Final = {
    f"{rank}_{what}": "BIGINT"
    for what in ("bids", "bidders", "auctions")
    for rank in ("total", "rank1", "rank2", "rank3")
}


@dataclass(frozen=True)
class Query:
    """``views`` are what it reads, ``columns`` its result; ``side``: it looks up the table that never changes."""

    name: str
    views: tuple[str, ...]
    columns: Mapping[str, str]
    side: bool = False

    @cached_property
    def model(self) -> str:
        return (HERE / "models" / f"{self.name}.sql").read_text()

    @cached_property
    def batch(self) -> str:
        return (HERE / "batch" / f"{self.name}.sql").read_text()

    @property
    def flink(self) -> Path:
        return HERE / "flink" / f"{self.name}.sql"


_bid = {"auction": "BIGINT", "bidder": "BIGINT", "price": "BIGINT"}
_lot = {"seller": "BIGINT", "category": "BIGINT"}
_window = {"window_start": "TIMESTAMP", "window_end": "TIMESTAMP"}
_text = {"channel": "VARCHAR", "url": "VARCHAR"}
_stamp = {"date_time": "TIMESTAMP", "extra": "VARCHAR"}

QUERIES: Final[Mapping[str, Query]] = {
    query.name: query
    for query in (
        Query("q0", ("bids",), {**_bid, **_stamp}),
        Query("q1", ("bids",), {**_bid, "price": "DECIMAL(23,3)", **_stamp}),
        Query("q2", ("bids",), {"auction": "BIGINT", "price": "BIGINT"}),
        Query(
            "q3", ("persons", "auctions"), {"name": "VARCHAR", "city": "VARCHAR", "state": "VARCHAR", "id": "BIGINT"}
        ),
        Query("q4", ("auctions", "bids"), {"category": "BIGINT", "average": "DOUBLE"}),
        Query("q5", ("bids",), {**_window, "auction": "BIGINT", "bids": "BIGINT"}),
        Query("q6", ("auctions", "bids"), {"seller": "BIGINT", "auction": "BIGINT", "average": "DOUBLE"}),
        Query("q7", ("bids",), {**_bid, **_stamp}),
        Query("q8", ("persons", "auctions"), {"id": "BIGINT", "name": "VARCHAR", "window_start": "TIMESTAMP"}),
        Query(
            "q9",
            ("auctions", "bids"),
            {
                "id": "BIGINT",
                "item_name": "VARCHAR",
                "initial_bid": "BIGINT",
                "reserve": "BIGINT",
                "opened_at": "TIMESTAMP",
                "expires": "TIMESTAMP",
                **_lot,
                "bidder": "BIGINT",
                "price": "BIGINT",
                "bid_at": "TIMESTAMP",
                "extra": "VARCHAR",
            },
        ),
        Query("q11", ("bids",), {"bidder": "BIGINT", "bids": "BIGINT", **_window}),
        Query("q12", ("bids",), {"bidder": "BIGINT", "bids": "BIGINT", **_window}),
        Query("q13", ("bids",), {**_bid, "date_time": "TIMESTAMP", "value": "VARCHAR"}, side=True),
        Query(
            "q14",
            ("bids",),
            {**_bid, "price": "DECIMAL(23,3)", "bid_time_type": "VARCHAR", **_stamp, "c_count": "BIGINT"},
        ),
        Query("q15", ("bids",), {"day": "VARCHAR", **COUNTS}),
        Query("q16", ("bids",), {"channel": "VARCHAR", "day": "VARCHAR", "minute": "VARCHAR", **COUNTS}),
        Query(
            "q17",
            ("bids",),
            {
                "auction": "BIGINT",
                "day": "VARCHAR",
                **{name: counted for name, counted in COUNTS.items() if name.endswith("_bids")},
                "min_price": "BIGINT",
                "max_price": "BIGINT",
                "avg_price": "DOUBLE",
                "sum_price": "HUGEINT",
            },
        ),
        Query("q18", ("bids",), {**_bid, **_text, **_stamp}),
        Query("q19", ("bids",), {**_bid, **_text, **_stamp, "place": "BIGINT"}),
        Query(
            "q20",
            ("auctions", "bids"),
            {
                **_bid,
                **_text,
                "bid_at": "TIMESTAMP",
                "bid_extra": "VARCHAR",
                "item_name": "VARCHAR",
                "description": "VARCHAR",
                "initial_bid": "BIGINT",
                "reserve": "BIGINT",
                "opened_at": "TIMESTAMP",
                "expires": "TIMESTAMP",
                **_lot,
                "auction_extra": "VARCHAR",
            },
        ),
        Query(
            "q22", ("bids",), {**_bid, "channel": "VARCHAR", "dir1": "VARCHAR", "dir2": "VARCHAR", "dir3": "VARCHAR"}
        ),
    )
}

_all_bids = ("auction", "bidder", "price", "channel", "url", "extra")
NARROW: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "q0": {"bid": ("auction", "bidder", "price", "extra")},
    "q1": {"bid": ("auction", "bidder", "price", "extra")},
    "q2": {"bid": ("auction", "price")},
    "q3": {"person": ("id", "name", "city", "state"), "auction": ("id", "seller", "category")},
    "q4": {"auction": ("id", "category", "expires"), "bid": ("auction", "price")},
    "q5": {"bid": ("auction",)},
    "q6": {"auction": ("id", "seller", "expires"), "bid": ("auction", "price")},
    "q7": {"bid": ("auction", "bidder", "price", "extra")},
    "q8": {"person": ("id", "name"), "auction": ("seller",)},
    "q9": {
        "auction": ("id", "item_name", "initial_bid", "reserve", "expires", "seller", "category"),
        "bid": ("auction", "bidder", "price", "extra"),
    },
    "q11": {"bid": ("bidder",)},
    "q12": {"bid": ("bidder",)},
    "q13": {"bid": ("auction", "bidder", "price")},
    "q14": {"bid": ("auction", "bidder", "price", "extra")},
    "q15": {"bid": ("auction", "bidder", "price")},
    "q16": {"bid": ("auction", "bidder", "price", "channel")},
    "q17": {"bid": ("auction", "price")},
    "q18": {"bid": _all_bids},
    "q19": {"bid": _all_bids},
    "q20": {
        "auction": (
            "id",
            "item_name",
            "description",
            "initial_bid",
            "reserve",
            "expires",
            "seller",
            "category",
            "extra",
        ),
        "bid": _all_bids,
    },
    "q22": {"bid": ("auction", "bidder", "price", "channel", "url")},
}
"""The fields a query needs: the batch reader declares these and no others, which is the best a hand can do."""


def chosen(names: Sequence[str]) -> list[Query]:
    """The queries of some names; raises ValueError for one that does not exist."""
    unknown = [name for name in names if name not in QUERIES]
    if unknown:
        raise ValueError(f"there is no query {', '.join(unknown)}; there are {', '.join(QUERIES)}")
    return [QUERIES[name] for name in names]
