"""From a query to the program that maintains its result from changes. Pure.

The values are here; :mod:`headwater.incremental.compiler` derives them and is
imported only where a query is new, because a plan whose queries are all known
needs no parser.
"""

from headwater.incremental.program import (
    KIND_VERSIONS,
    Block,
    BlockKind,
    ChangeMode,
    Clock,
    Given,
    Input,
    Program,
    compose,
)

__all__ = ["KIND_VERSIONS", "Block", "BlockKind", "ChangeMode", "Clock", "Given", "Input", "Program", "compose"]
