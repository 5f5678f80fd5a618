"""Only what may work later is tried again, and not for ever."""

from __future__ import annotations

import pytest

from headwater.errors import TerminalError, TransientError
from headwater.runtime.retry import retried


class Flaky:
    def __init__(self, *answers: Exception | str) -> None:
        self.answers = list(answers)

    def __call__(self) -> str:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_waits_double() -> None:
    waits: list[float] = []
    flaky = Flaky(*(TransientError("busy") for _ in range(4)), "done")
    assert retried(flaky, waits.append) == "done"
    assert waits == [0.1, 0.2, 0.4, 0.8]


def test_gives_up_with_the_last_error() -> None:
    flaky = Flaky(*(TransientError(f"busy {number}") for number in range(5)))
    with pytest.raises(TransientError, match="busy 4"):
        retried(flaky, lambda _: None)


def test_terminal_errors_are_not_tried_again() -> None:
    flaky = Flaky(TerminalError("no"), "never asked")
    with pytest.raises(TerminalError):
        retried(flaky, lambda _: None)
    assert flaky.answers == ["never asked"]
