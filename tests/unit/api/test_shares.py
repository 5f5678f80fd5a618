"""Models that may read each other are in one share, every model is in one, and each share is taken once."""

from __future__ import annotations

import os
import sys

import pytest

from headwater.api.shares import Turns, most_shares, shares
from headwater.spec.declarations import Model
from headwater.types import RelationName


def model(name: str, query: str) -> tuple[RelationName, Model]:
    relation = RelationName.parse(name)
    return relation, Model(relation, query, f"{name}.sql")


def names(found: list[dict[RelationName, Model]]) -> list[list[str]]:
    return [[str(name) for name in share] for share in found]


def test_what_names_each_other_stays_together_however_it_is_written() -> None:
    long = ", 1 AS x" * 20
    declared = dict(
        [
            model("a.one", f"SELECT id{long} FROM raw"),
            model("a.other", f"SELECT id{long} FROM raw"),
            model("b.two", f"SELECT id{long} FROM A.One"),
            model("b.third", f'SELECT id{long} FROM "two"'),
            model("c.alone", f"SELECT id{long} FROM raw"),
            model("c.more", f"SELECT id{long} FROM other"),
            model("c.last", f"SELECT id{long} FROM raw"),
        ]
    )
    assert names(shares(declared)) == [["a.one", "b.two", "b.third"], ["a.other", "c.more"], ["c.alone"], ["c.last"]]


def test_a_workspace_of_one_piece_is_cut_in_two() -> None:
    declared = dict(model(f"a.m{number}", f"SELECT id FROM m{number - 1}") for number in range(40))
    first, second = shares(declared)
    assert [*first, *second] == [*declared]
    assert abs(len(first) - len(second)) <= 2


def test_many_small_pieces_make_few_shares() -> None:
    declared = dict(model(f"a.m{number:04}", "SELECT id FROM raw") for number in range(1000))
    found = shares(declared)
    assert [name for share in found for name in share] == [*declared]
    assert 2 < len(found) <= most_shares + 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
def test_two_processes_take_each_share_once() -> None:
    things = [dict([model(f"a.m{number}", "SELECT 1 AS x")]) for number in range(200)]
    turns = Turns(things)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, "".join(f"{name.name} " for share in turns for name in share).encode())
        os._exit(0)
    os.close(writing)
    mine = [name.name for share in turns for name in share]
    with os.fdopen(reading) as told:
        theirs = told.read().split()
    os.waitpid(child, 0)
    turns.close()
    assert sorted([*mine, *theirs]) == sorted(name.name for share in things for name in share)
