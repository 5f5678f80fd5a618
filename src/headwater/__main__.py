"""``python -m headwater``: the command line without the installed script."""

from __future__ import annotations

from headwater.cli import program

program()
