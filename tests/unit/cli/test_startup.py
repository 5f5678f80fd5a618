"""What must be quick loads nothing that is slow."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

SLOW = {
    "deltalake",
    "duckdb",
    "jsonschema",
    "numpy",
    "psycopg",
    "pyarrow",
    "pydantic",
    "pyiceberg",
    "rich",
    "ruamel",
    "sqlalchemy",
    "sqlglot",
}

PROBE = """
import sys
from headwater.cli import main
code = main(sys.argv[1:])
sys.stderr.write("\\n".join({name.partition(".")[0] for name in sys.modules}))
sys.exit(code)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["contract", "diff", "--help"],
        ["no-such-command"],
        ["query"],
    ],
    ids=" ".join,
)
def test_help_and_usage_errors_load_no_heavy_module(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False)
    loaded = set(done.stderr.splitlines())
    assert "click" in loaded
    assert loaded & SLOW == set()


def test_help_answers_in_less_than_a_third_of_a_second() -> None:
    """Processor time, so that a busy machine does not make a quick program slow."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "headwater", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(once() for _ in range(5)) < 0.3
