"""What every command knows of how it was called.

Apart from the commands because actions, screens and error reports need it and
none of them should read click's context.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from headwater.values import frozen

__all__ = ["Output", "Settings"]

Output: TypeAlias = Literal["text", "json"]


@frozen
class Settings:
    """The global options.

    ``directory`` is where the search for ``headwater.yaml`` begins;
    ``environment`` None means the workspace's default one.
    """

    directory: str = "."
    environment: str | None = None
    output: Output = "text"
    verbose: bool = False
    color: bool = True
