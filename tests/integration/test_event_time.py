"""Event time in whole runs: which rows are late or ahead of the clock, what ends, and what states remember of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from headwater.runtime.metadata import MetadataStore
from headwater.runtime.state import Watermark
from headwater.spec.contract import EventTime
from headwater.types import Counts

from .plant import READINGS, Plant, at


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def test_a_row_before_the_watermark_of_earlier_epochs_is_late(plant: Plant) -> None:
    plant.write("1.csv", "1 10:00", "2 09:00")
    plant.write("2.csv", "3 09:50", "4 09:49", "5 10:30", "6 10:01")
    plant.write("3.csv", "7 10:20", "8 10:19")
    report = plant.run()
    assert plant.counts(report) == (8, 6, 2, 0)
    assert plant.ids("plant.kept") == [1, 2, 3, 5, 6, 7]
    refused = plant.rows("plant.readings__quarantine", 'codes, "offset", "row"')
    assert refused == [
        (["late"], 2, '{"id":4,"at":"2026-03-01 09:49:00"}'),
        (["late"], 2, '{"id":8,"at":"2026-03-01 10:19:00"}'),
    ]
    mark = Watermark(at("10:30"), at("10:20"), ended=False, active_at=plant.now)
    assert plant.watermarks() == {READINGS: mark}
    assert plant.told() == {READINGS: mark}


def test_one_epoch_makes_nothing_late_and_the_next_run_goes_on_from_its_watermark(plant: Plant) -> None:
    plant.write("1.csv", "1 10:00")
    plant.write("2.csv", "2 01:00")
    assert plant.counts(plant.run(epoch_bytes=1 << 20)) == (2, 2, 0, 0)
    plant.write("3.csv", "3 09:49", "4 09:50")
    assert plant.counts(plant.run()) == (2, 1, 1, 0)
    assert plant.counts(plant.run()) == (0, 0, 0, 0)


def test_rows_ahead_of_the_clock_are_refused_and_push_nothing(plant: Plant) -> None:
    plant.times[READINGS] = EventTime("at", timedelta(0), future=timedelta(minutes=5))
    plant.write("1.csv", "1 12:05", "2 12:06", "3 infinity", "4 -infinity", "5 2026-03-02 00:00", "6 ")
    assert plant.counts(plant.run()) == (6, 1, 0, 5)
    codes = [row[0] for row in plant.rows("plant.readings__quarantine", "array_to_string(codes, ' ')")]
    assert codes == ["calendar:at future", "calendar:at", "future", "future", "required:at"]
    assert plant.watermarks()[READINGS].at == at("12:05")
    plant.now = at("12:06")
    report = plant.run(replay=READINGS)
    assert plant.counts(report) == (0, 1, 0, -1)
    assert plant.ids("plant.kept") == [1, 2]
    assert plant.watermarks()[READINGS].at == at("12:06")


def test_what_is_late_and_wrong_besides_counts_once(plant: Plant) -> None:
    plant.write("1.csv", "1 10:00")
    plant.write("2.csv", "x 09:00", "3 noon", "2 09:00")
    assert plant.counts(plant.run()) == (4, 1, 1, 2)


def test_late_rows_stay_out_when_their_source_is_read_again(plant: Plant) -> None:
    plant.write("1.csv", "1 10:00")
    plant.write("2.csv", "2 09:00", "3 11:00")
    plant.run()
    plant.models["plant.kept"] = "SELECT id + 0 AS id, at FROM readings"
    plant.run()
    assert plant.ids("plant.kept") == [1, 3]


def test_dropped_rows_leave_their_place_only_and_stay_out(plant: Plant) -> None:
    plant.times[READINGS] = EventTime("at", timedelta(minutes=10), late="drop")
    plant.write("1.csv", "1 10:00")
    plant.write("2.csv", "2 09:00", "3 11:00", "4 08:00")
    assert plant.counts(plant.run()) == (4, 2, 2, 0)
    kept = plant.rows("plant.readings__quarantine", 'codes, source, "offset", raw, "row"')
    assert kept == [(["late"], "readings/2.csv", number, None, None) for number in (1, 3)]
    plant.models["plant.kept"] = "SELECT id + 0 AS id, at FROM readings"
    plant.run()
    assert plant.ids("plant.kept") == [1, 3]
    assert plant.counts(plant.run(replay=READINGS)) == (0, 0, 0, 0)


def test_a_replay_admits_late_rows(plant: Plant) -> None:
    plant.write("1.csv", "1 10:00")
    plant.write("2.csv", "2 09:00")
    plant.run()
    assert plant.counts(plant.run(replay=READINGS)) == (0, 1, -1, 0)
    assert plant.ids("plant.kept") == [1, 2]
    assert plant.watermarks()[READINGS].at == at("09:50")
    with MetadataStore.open(plant.layout.metadata) as store:
        (port,) = [port for port in store.status("dev") if str(port.relation) == READINGS]
    assert port.counts == Counts(read=2, accepted=2)


def test_another_delay_judges_all_rows_anew(plant: Plant) -> None:
    plant.write("1.csv", "1 10:00")
    plant.write("2.csv", "2 09:00", "3 08:00")
    plant.run()
    plant.times[READINGS] = EventTime("at", timedelta(hours=1))
    assert plant.counts(plant.run()) == (3, 2, 1, 0)
    assert plant.ids("plant.kept") == [1, 2]
    assert plant.watermarks()[READINGS].at == at("09:00")


def test_a_model_has_a_watermark_of_its_own(plant: Plant) -> None:
    plant.times = {"plant.kept": EventTime("at", timedelta(minutes=5))}
    plant.models["plant.kept"] = "SELECT id, at FROM readings WHERE id < 10"
    plant.write("1.csv", "1 10:00", "11 11:00")
    plant.write("2.csv", "2 09:54", "3 09:55")
    report = plant.run()
    assert plant.counts(report) == (4, 4, 0, 0)
    assert plant.counts(report, "plant.kept") == (3, 2, 1, 0)
    assert plant.watermarks() == {"plant.kept": Watermark(at("10:00"), at("09:55"), ended=False, active_at=plant.now)}
    plant.models["plant.kept"] = "SELECT id, at FROM readings WHERE id < 9"
    assert plant.counts(plant.run(), "plant.kept") == (3, 3, 0, 0), "what is computed anew has no past"


def test_an_idle_source_follows_the_slowest_of_the_others(plant: Plant) -> None:
    plant.sources = [READINGS, "plant.slow", "plant.other"]
    plant.times = dict.fromkeys(plant.sources, EventTime("at", timedelta(0), idle=timedelta(minutes=30)))
    plant.models = {"plant.kept": "SELECT id, at FROM readings UNION ALL SELECT id, at FROM slow"}
    plant.write("1.csv", "1 10:00")
    plant.write("1.csv", "2 09:00", source="slow")
    plant.write("1.csv", "3 09:30", source="other")
    plant.run()
    plant.now = at("12:29")
    plant.write("2.csv", "4 11:00")
    plant.run()
    assert plant.watermarks()["plant.slow"].at == at("09:00"), "not silent for long enough"
    plant.now = at("12:45")
    plant.write("2.csv", "5 10:30", source="other")
    plant.run()
    assert plant.watermarks()["plant.slow"].at == at("10:30")
    plant.write("2.csv", "6 10:29", "7 10:30", source="slow")
    assert plant.counts(plant.run(), "plant.slow") == (2, 1, 1, 0)


def test_silence_alone_is_worth_an_epoch_when_others_are_ahead(plant: Plant) -> None:
    plant.sources = [READINGS, "plant.slow"]
    plant.times = {
        READINGS: EventTime("at", timedelta(0)),
        "plant.slow": EventTime("at", timedelta(0), idle=timedelta(1)),
    }
    plant.models = {"plant.kept": "SELECT id, at FROM readings UNION ALL SELECT id, at FROM slow"}
    plant.write("1.csv", "1 10:00")
    plant.write("1.csv", "2 09:00", source="slow")
    plant.run()
    plant.now += timedelta(hours=23)
    assert [product.status for product in plant.run().products if product.product == "plant"] == ["unchanged"]
    plant.now += timedelta(hours=1)
    plant.run()
    assert plant.watermarks()["plant.slow"].at == at("10:00")
    assert [product.status for product in plant.run().products if product.product == "plant"] == ["unchanged"]


def test_a_bounded_source_ends_with_its_last_file_and_so_does_what_reads_it(plant: Plant) -> None:
    plant.bounded = {READINGS}
    plant.times["plant.kept"] = EventTime("at", timedelta(0))
    plant.write("1.csv", "1 10:00")
    plant.write("2.csv", "2 10:30")
    plant.run()
    marks = plant.watermarks()
    assert marks[READINGS] == Watermark(at("10:30"), at("10:20"), ended=True, active_at=plant.now)
    assert marks["plant.kept"].ended
    plant.write("3.csv", "3 10:19", "4 10:20")
    report = plant.run()
    assert plant.counts(report) == (2, 1, 1, 0), "judged against the watermark from before the end"
    assert plant.counts(report, "plant.kept") == (1, 0, 1, 0)
    assert plant.watermarks()[READINGS] == marks[READINGS]


def test_an_end_that_is_no_longer_declared_is_taken_back(plant: Plant) -> None:
    plant.bounded = {READINGS}
    plant.write("1.csv", "1 10:00")
    plant.run()
    assert plant.watermarks()["plant.kept"].ended
    plant.bounded = set()
    plant.run()
    assert not any(mark.ended for mark in plant.watermarks().values())
    plant.bounded = {READINGS}
    plant.run()
    assert all(mark.ended for mark in plant.watermarks().values())


def test_readers_of_a_port_know_its_time_and_its_end(plant: Plant) -> None:
    plant.times["plant.kept"] = EventTime("at", timedelta(minutes=1))
    plant.models["report.late"] = "SELECT id, at FROM plant.kept"
    plant.write("1.csv", "1 10:00")
    plant.write("2.csv", "2 10:30")
    plant.run()
    assert plant.watermarks("report") == {
        "plant.kept": Watermark(at("10:30"), at("10:29"), ended=False, active_at=plant.now)
    }
    plant.bounded = {READINGS}
    plant.run(products=["plant"])
    plant.run(products=["report"])
    marks = plant.watermarks("report")
    assert marks["plant.kept"].ended
    assert marks["report.late"].ended
    plant.write("3.csv", "3 10:31")
    plant.bounded = set()
    plant.run()
    assert not any(mark.ended for mark in plant.watermarks("report").values())
    assert plant.ids("report.late") == [1, 2, 3]
