"""An error as a user reads it."""

from __future__ import annotations

from headwater.errors import DataError, Location


def test_every_line_of_an_error_stands_below_its_message() -> None:
    error = DataError("it failed", detail="first\nsecond", hint="do this\nor that", where=Location("a.sql", 3, 2, "ab"))
    assert str(error).splitlines() == [
        "a.sql:3:2: it failed",
        "    3 | ab",
        "         ^",
        "  first",
        "  second",
        "  hint: do this",
        "        or that",
    ]
