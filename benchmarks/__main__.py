"""``python -m benchmarks [SUITE ...]``: measure, print the table of claims, write it as JSON.

``python -m benchmarks nexmark ...`` and ``python -m benchmarks keyed ...`` have options of their own.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version

from benchmarks.suites import SUITES
from benchmarks.workspaces import HERE


def main() -> int:
    if sys.argv[1:2] == ["nexmark"]:
        from benchmarks.nexmark import sitting

        return sitting.main(sys.argv[2:])
    if sys.argv[1:2] == ["keyed"]:
        from benchmarks import keyed

        return keyed.main(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", choices=[[], *SUITES], help="which to run (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds a figure is the median of")
    arguments = parser.parse_args()
    claims = []
    for name in arguments.suites or SUITES:
        print(f"{name}: {SUITES[name].__doc__}", file=sys.stderr)
        claims += SUITES[name](arguments.rounds)
    for claim in claims:
        mark = "held" if claim.held else "MISSED"
        print(f"{claim.benchmark:<12}{claim.name:<56}{claim.value:>8.2f} {claim.unit}  <= {claim.bar:g}  {mark}")
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    libraries = {name: version(name) for name in ("duckdb", "pyarrow", "deltalake", "pyiceberg", "sqlglot")}
    (results / "latest.json").write_text(
        json.dumps(
            {
                "python": platform.python_version(),
                "libraries": libraries,
                "rounds": arguments.rounds,
                "claims": [asdict(claim) | {"held": claim.held} for claim in claims],
            },
            indent=2,
        )
    )
    return 0 if all(claim.held for claim in claims) else 1


if __name__ == "__main__":
    sys.exit(main())
