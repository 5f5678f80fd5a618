"""The command line: arguments in, :mod:`headwater.api` called, text or JSON out.

Commands are declared in :mod:`headwater.cli.grammar` and carried out in
``headwater.cli.actions``, which is imported only when a command runs: help,
completion and wrong arguments never wait for an engine to load.
"""

from headwater.cli.entry import main, program

__all__ = ["main", "program"]
