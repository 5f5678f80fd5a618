"""Making staged files durable beside the engine: while the next relation is computed, the one before is synced.

Apart from the epoch because a thread comes in. One table
at a time and in order, so that what an epoch tells its listeners depends on no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from headwater.spi.table import Committable

__all__ = ["Sealing"]


class Sealing:
    """At most one table that is being made durable; used by one thread."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._pending: tuple[str, Future[Committable]] | None = None

    def begin(self, format: str, seal: Callable[[], Committable]) -> None:
        """Start sealing; what was begun before must have been finished."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="seal")
        self._pending = (format, self._pool.submit(seal))

    def finish(self) -> tuple[str, Committable] | None:
        """Wait for what was begun: its format and result, or None when there is nothing. Raises what sealing raised."""
        if self._pending is None:
            return None
        (format_, future), self._pending = self._pending, None
        return format_, future.result()

    def close(self) -> None:
        """End the thread."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
