"""Making staged files durable beside the engine: while relations are computed, those before them are synced.

Apart from the epoch because a thread comes in. One table at a time and in order, so that what an epoch
tells its listeners depends on no clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from headwater.spi.table import Committable

__all__ = ["Sealing"]


class Sealing:
    """Tables that are being made durable; used by one thread."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._begun: deque[tuple[str, Future[Committable]]] = deque()

    def begin(self, format: str, seal: Callable[[], Committable]) -> None:
        """Start sealing, behind what was begun before."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="seal")
        self._begun.append((format, self._pool.submit(seal)))

    def finish(self, *, but: int = 0) -> Iterator[tuple[str, Committable]]:
        """Wait for what was begun, except for the last ``but``: each format and result. Raises what sealing raised."""
        while len(self._begun) > but:
            format_, future = self._begun.popleft()
            yield format_, future.result()

    def close(self) -> None:
        """End the thread."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
