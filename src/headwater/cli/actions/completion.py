"""``headwater completion``: the shell's own script, as click writes it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from click.shell_completion import get_completion_class

from headwater.cli.grammar import headwater
from headwater.errors import UsageError

if TYPE_CHECKING:
    from headwater.cli.settings import Settings

__all__ = ["completion"]


def completion(settings: Settings, shell: str) -> None:  # noqa: ARG001 - every action takes the settings
    """Print the script for a shell."""
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"there is no completion for {shell}")
    sys.stdout.write(f"{kind(headwater, {}, 'headwater', '_HEADWATER_COMPLETE').source()}\n")
