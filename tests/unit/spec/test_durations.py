"""ISO 8601 durations, there and back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.spec.durations import parse_duration, to_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT0S", 0), ("PT1.5S", 1.5), ("PT90M", 5400), ("P1W", 604800), ("P1DT2H3M4S", 93784), ("PT36H", 129600)],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "10M", "P1Y", "P1M", "PT1D", "-PT1M", "PT1,5S", "pt1m", "P9999999999D", "PT1M "]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 duration"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=99_999)))
def test_a_duration_is_written_as_it_reads(value: timedelta) -> None:
    assert parse_duration(to_duration(value)) == value
