"""Temporal joins stand for as-of joins at the event time of what they join."""

from __future__ import annotations

import pytest
from tests.unit.sql.conftest import flights, readings

from headwater.errors import DeclarationErrors
from headwater.sql import language as sql


def analysed(world, query: str, event_times=None) -> sql.Analysis:
    return sql.analyse(
        query,
        name=world.model,
        resolve=world.resolve,
        schemas=world.schemas,
        binder=world.bind,
        event_times={readings: "at", flights: "departed_at"} if event_times is None else event_times,
    )


@pytest.mark.parametrize(
    ("temporal", "as_of"),
    [
        (
            "SELECT f.id, r.value FROM flights f JOIN readings FOR SYSTEM_TIME AS OF f.departed_at AS r "
            "ON r.sensor = f.carrier",
            "SELECT f.id, r.value FROM flights f ASOF JOIN readings AS r "
            "ON r.sensor = f.carrier AND f.departed_at >= r.at",
        ),
        (
            "SELECT id, value FROM flights LEFT JOIN lab.readings FOR SYSTEM_TIME AS OF departed_at "
            "ON upper(carrier) = sensor AND quality = dep_delay",
            "SELECT id, value FROM flights ASOF LEFT JOIN lab.readings "
            "ON upper(carrier) = sensor AND quality = dep_delay AND departed_at >= at",
        ),
        (
            "WITH v AS (SELECT sensor AS s, at AS since FROM readings) SELECT f.id FROM flights f "
            "JOIN v FOR SYSTEM_TIME AS OF f.departed_at - INTERVAL 1 HOUR ON v.s = f.carrier",
            "WITH v AS (SELECT sensor AS s, at AS since FROM readings) SELECT f.id FROM flights f "
            "ASOF JOIN v ON v.s = f.carrier AND (f.departed_at - INTERVAL 1 HOUR) >= v.since",
        ),
    ],
)
def test_a_temporal_join_is_an_as_of_join(temporal: str, as_of: str, world) -> None:
    found, expected = analysed(world, temporal), analysed(world, as_of)
    assert found.canonical == expected.canonical
    assert found.lineage == expected.lineage


def test_a_time_that_two_columns_tell_is_not_guessed(world) -> None:
    query = (
        "WITH v AS (SELECT sensor, at, at AS since FROM readings) "
        "SELECT f.id FROM flights f JOIN v FOR SYSTEM_TIME AS OF f.departed_at ON v.sensor = f.carrier"
    )
    with pytest.raises(DeclarationErrors) as refusal:
        analysed(world, query)
    assert [error.message for error in refusal.value.errors] == ["'v' has several event times: at, since"]
