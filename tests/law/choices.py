"""Random decisions that can be recorded, replayed and cut short: what a failure is shrunk by."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Numbers from a seed, or those of a record; past its end, the first choice of all.

    Every decision lists the simplest choice first, so that a record with smaller
    and fewer numbers makes a simpler case.
    """

    def __init__(self, source: int | Sequence[int]) -> None:
        self._random = random.Random(source) if isinstance(source, int) else None
        self._script = [] if isinstance(source, int) else list(source)
        self.record: list[int] = []

    def below(self, end: int) -> int:
        """A number from 0 to ``end`` - 1."""
        if self._random is not None:
            number = self._random.randrange(end)
        else:
            at = len(self.record)
            number = min(self._script[at], end - 1) if at < len(self._script) else 0
        self.record.append(number)
        return number

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def one_of(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def weighted(self, options: Mapping[T, int]) -> T:
        at = self.below(sum(options.values()))
        for option, weight in options.items():
            if at < weight:
                return option
            at -= weight
        raise AssertionError

    def chance(self, percent: int) -> bool:
        return self.below(100) >= 100 - percent

    def some(self, options: Sequence[T], low: int, high: int) -> list[T]:
        """Different options, in the order of choice."""
        left = list(options)
        return [left.pop(self.below(len(left))) for _ in range(min(self.between(low, high), len(left)))]
