"""Windows over late, dropped and bounded input in two products, run under the crash bench; its clock stands still."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from tests.integration.plant import READINGS, Plant

from headwater.events import Listener
from headwater.runtime.metadata import MetadataStore
from headwater.runtime.state import StateStore
from headwater.spec.contract import EventTime
from headwater.spi import discovery

HOURLY = (
    "SELECT strftime(window_start, '%H') AS hour, count(*) AS n "
    "FROM TUMBLE({}, at, INTERVAL 1 HOUR) GROUP BY window_start, window_end"
)


def workspace(root: Path) -> Plant:
    plant = Plant(root)
    plant.bounded = {READINGS}
    plant.times = {
        READINGS: EventTime("at", timedelta(minutes=10), late="drop"),
        "plant.kept": EventTime("at", timedelta(minutes=5)),
    }
    plant.models = {
        "plant.kept": "SELECT id, at FROM readings",
        "plant.hourly": HOURLY.format("readings"),
        "report.hourly": HOURLY.format("plant.kept"),
    }
    return plant


def run(argument: str, listener: Listener) -> object:
    """Run the workspace in a folder, each file an epoch; returns all that is published and remembered."""
    options = json.loads(argument)
    plant = workspace(Path(options["root"]))
    if options["prepare"]:
        with MetadataStore.open(plant.layout.metadata):
            return None
    plant.run(listener=listener)
    return seen(plant)


def seen(plant: Plant) -> dict[str, list[str]]:
    hidden = 'codes, source, "offset", raw, "row"'
    found = {name: list(map(str, plant.rows(name))) for name in plant.models}
    found |= {f"{name} refused": list(map(str, plant.rows(f"{name}__quarantine", hidden))) for name in plant.times}
    found["told"] = sorted(map(str, plant.told().items()))
    for product in ("plant", "report"):
        with discovery.engine("duckdb").open(str(plant.layout.state(product)), {}) as session:
            store = StateStore(session)
            found[f"{product} watermarks"] = sorted(map(str, store.snapshot().watermarks.items()))
            found[f"{product} ledger"] = [
                str(sorted(row.items())) for row in store.rows("ledger", 0) if row.pop("run") is not None
            ]
    return found
