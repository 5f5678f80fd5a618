"""Whose failure it was: what is raised while a model is computed or written says so.

Apart from the computation because some of it goes on beside the next model's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headwater.errors import HeadwaterError, Location
from headwater.plan.steps import ModelStep

__all__ = ["naming"]


@contextmanager
def naming(model: ModelStep) -> Iterator[None]:
    """What fails inside says which model it was, unless its own words do, and where that stands.

    What has a place already is another model's, whose result was waited for.
    """
    try:
        yield
    except HeadwaterError as error:
        if error.where is None:
            if str(model.relation) not in str(error):
                error.message = f"{model.relation}: {error.message}"
            if model.where is not None:
                error.where = Location(model.where.path, model.where.line)  # its first line would only be in the way
        raise
