"""Every command and option is on the reference page."""

from __future__ import annotations

from pathlib import Path

from headwater.cli.reference import cli_reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def test_the_page_is_what_the_commands_declare() -> None:
    assert PAGE.read_text(encoding="utf-8") == cli_reference()
