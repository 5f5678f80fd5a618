"""What the program shows of event time: late rows in every count, watermarks in the status, what another delay does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Called, call

GoldenCall = Callable[..., Called]

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: readings
version: 1.0.0
status: active
schema:
  - name: readings
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT}
      - {name: at, logicalType: timestamp, physicalType: TIMESTAMP}
    customProperties:
      - {property: eventTime, vendor: headwater, value: {column: at, watermark: PT10M, future: P1D}}
"""


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """A workspace whose second file has late rows, run once with each file an epoch."""
    (tmp_path / "headwater.yaml").write_text(
        "name: plant\nenvironments: {dev: {epoch: {bytes: 1}}}\nsources:\n"
        "  readings: {path: 'data/*.csv', columns: {id: bigint, at: timestamp}}\n"
    )
    (tmp_path / "readings.odcs.yaml").write_text(CONTRACT)
    (tmp_path / "kept.sql").write_text("SELECT id, at FROM readings\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "1.csv").write_text("id,at\n1,2013-01-01 10:00:00\n2,2999-01-01 00:00:00\n")
    (tmp_path / "data" / "2.csv").write_text("id,at\n3,2013-01-01 09:49:59\n4,2013-01-01 09:50:00\n5,\n")
    return tmp_path


def test_late_rows_in_every_count(plant: Path, golden: Callable[[str, str], None], golden_call: GoldenCall) -> None:
    at = ("-C", plant)
    golden_call("late-run.txt", plant, *at, "run")
    golden_call("late-history.txt", plant, *at, "history")
    golden_call("late-quarantine-list.txt", plant, *at, "quarantine", "list")
    shown = call(*at, "status").out
    golden("cli/late-status.txt", re.sub(r" +", " ", re.sub(r"─+", "─", steady(shown))))
    told = json.loads(call(*at, "status", "--output", "json").out)
    readings = next(each for each in told if each["relation"] == "plant.readings")
    assert (readings["late"], readings["quarantined"]) == (1, 2)
    assert (readings["watermark"], readings["ended"]) == ("2013-01-01T09:50:00+00:00", False)
    assert readings["lag"].startswith("P")
    contract = plant / "readings.odcs.yaml"
    contract.write_text(CONTRACT.replace("PT10M", "PT1H"))
    golden_call("late-plan.txt", plant, *at, "plan")
    contract.write_text(CONTRACT.replace("future: P1D", "late: drop, future: P1D"))
    golden_call("late-drop-plan.txt", plant, *at, "plan")


def steady(text: str) -> str:
    """Without what depends on the day and the run."""
    text = re.sub(r"\b\d{8}T\d{6}-[0-9a-f]{6}\b", "RUN", text)
    return re.sub(r"\b\d+ d\b", "0 d", re.sub(r"\bjust now\b|\b\d+ (?:min|h) ago\b", "just now", text))
