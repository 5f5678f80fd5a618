"""Trying again what may work when tried again.

Only idempotent calls are handed to it: commits, which carry their identity
into the sink. The wait doubles, so a store that is overwhelmed gets room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

from headwater.errors import TransientError

__all__ = ["Sleep", "retried"]

T = TypeVar("T")
Sleep: TypeAlias = Callable[[float], None]

attempts: Final = 5
first_wait: Final = 0.1


def retried(call: Callable[[], T], sleep: Sleep) -> T:
    """The call's answer, after at most five attempts (0.1, 0.2, 0.4 and 0.8 seconds apart).

    Raises:
        TransientError: the last attempt's.
    """
    for attempt in range(attempts - 1):
        try:
            return call()
        except TransientError:
            sleep(first_wait * 2**attempt)
    return call()
