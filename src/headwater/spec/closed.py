"""How models are read whose keys are in camel case, as the Bitol standards write theirs.

Apart from the models so that all of them are equally strict: an unknown key or a value of another type is an error.
"""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

__all__ = ["CAMEL_CASE"]

CAMEL_CASE: Final = ConfigDict(
    extra="forbid",
    defer_build=True,
    strict=True,
    frozen=True,
    alias_generator=to_camel,
    validate_by_alias=True,
    validate_by_name=False,
)
