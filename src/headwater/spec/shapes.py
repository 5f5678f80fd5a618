"""The shape of each kind of file that is ours to check: a quick yes, else all errors.

Apart from the models because they, and the library behind them, are loaded only
when something is wrong: a sound file is accepted by its published JSON Schema,
compiled, in a fraction of the time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

from headwater.errors import DeclarationError
from headwater.spec.acceptor import acceptor
from headwater.spec.documents import Document, Path
from headwater.spec.places import value_at
from headwater.types import Json

__all__ = ["Shape", "shape_errors"]

Shape: TypeAlias = Literal["headwater", "sources", "product", "event-time", "budget", "reference"]
"""The names of the JSON Schemas below ``schemas``, without ``.json``."""


def shape_errors(shape: Shape, document: Document, at: Path = ()) -> list[DeclarationError]:
    """Everything in which the value at a path of a document departs from its shape."""
    if _accepts(shape)(value_at(document.data, at)):
        return []
    from headwater.spec.published import MODELS
    from headwater.spec.validation import validate

    return validate(MODELS[shape], document, at)


@cache
def _accepts(shape: Shape) -> Callable[[Json], bool]:
    schema = files("headwater.spec").joinpath("schemas", f"{shape}.json").read_text(encoding="utf-8")
    return acceptor(json.loads(schema))
