"""From a query to the program that maintains its result from changes. Pure."""

from headwater.incremental.compiler import COMPILER_VERSION, compile_program, program_version
from headwater.incremental.program import Block, BlockKind, ChangeMode, Input, Program

__all__ = [
    "COMPILER_VERSION",
    "Block",
    "BlockKind",
    "ChangeMode",
    "Input",
    "Program",
    "compile_program",
    "program_version",
]
