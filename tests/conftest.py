"""What every test may use: golden files that are compared whole, and updated on request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Golden = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what was found as what is expected")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with ``tests/golden/<name>``, whole; ``--update-golden`` writes it instead."""
    folder = Path(__file__).parent / "golden"

    def compare(name: str, found: str) -> None:
        path = folder / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found, encoding="utf-8")
        assert path.exists(), f"{path} does not exist: run with --update-golden and read it"
        assert found == path.read_text(encoding="utf-8")

    return compare
