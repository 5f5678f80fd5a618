"""Search for cases in which the law does not hold: ``python -m tests.law --seeds 0:25000 --jobs 2``.

Prints progress, and each failure, shrunk, as a case that can be kept under ``tests/law/regressions``.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TextIO

from tests.law.search import Report, search

_slice = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.law", description=__doc__)
    parser.add_argument("--seeds", default="0:25000", help="first:end, each a chain of queries (default %(default)s)")
    parser.add_argument("--splits", type=int, default=4, help="cases of each chain (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default %(default)s)")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long; 0: when all is done")
    parser.add_argument("--whole", action="store_true", help="do not shrink failures")
    given = parser.parse_args()
    first, end = (int(part) for part in given.seeds.split(":"))
    begun = time.monotonic()
    total = Report()
    with ProcessPoolExecutor(given.jobs) as pool:
        waiting = [
            pool.submit(_search, at, min(at + _slice, end), given.splits, not given.whole)
            for at in range(first, end, _slice)
        ]
        for number, done in enumerate(as_completed(waiting), 1):
            report = done.result()
            total += report
            for failure in report.failures:
                _say(f"FAILED {failure}")
            if number % 2 == 0 or number == len(waiting):
                took = time.monotonic() - begun
                _say(f"{total}, {took:.0f} s", sys.stderr)
            if given.minutes and time.monotonic() - begun > given.minutes * 60:
                pool.shutdown(cancel_futures=True)
                break
    _say(f"{total}\nblocks: {', '.join(f'{kind} {number}' for kind, number in total.kinds.most_common())}")
    return 1 if total.failures else 0


def _say(text: str, where: TextIO = sys.stdout) -> None:
    where.write(text + "\n")
    where.flush()


def _search(first: int, end: int, splits: int, small: bool) -> Report:
    return sum(search(range(first, end), splits=splits, small=small), Report())


if __name__ == "__main__":
    raise SystemExit(main())
