"""The one door to the readers.

Apart from them so that naming it costs nothing: the YAML and schema libraries
are loaded when a workspace is read, not when its values are mentioned.
"""

from __future__ import annotations

from pathlib import Path

from headwater.spec.declarations import Workspace

__all__ = ["read_workspace"]


def read_workspace(root: Path) -> Workspace:
    """Read everything declared below a folder that holds ``headwater.yaml``.

    A product is a folder with a descriptor (``*.odps.yaml``) and all that lies
    below it, else a top folder with models, sources or contracts. What belongs
    to no folder belongs to a product named as the workspace.

    Raises:
        DeclarationErrors: all that is wrong with the files, in the order of the files.
    """
    from headwater.spec.reading import read

    return read(root)
