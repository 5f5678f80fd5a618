"""Keyed results that are merged, run under the crash bench."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.merging import QUERIES, Merging

from headwater.events import Listener

BEFORE = [[(hour * 10, hour), (hour * 10 + 1, hour)] for hour in range(6)]
BACKLOG = [[(60, 5)], [(61, 5), (62, 8)], [(63, 5)]]
SPREAD = [[(number + hour, hour) for hour in range(6)] for number in (60, 70, 80)]


def run(argument: str, listener: Listener) -> object:
    """Run what was fed, each file an epoch; returns all that is published, and how it came there."""
    options = json.loads(argument)
    plant = Merging(Path(options["root"]), options["format"])
    plant.run(epoch_bytes=1, listener=listener)
    found = {name: sorted(map(str, plant.contents(name).items())) for name in QUERIES}
    return {**found, "last": [plant.operations(name)[-1] for name in QUERIES]}
