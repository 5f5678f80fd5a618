"""From a query's tree to operators."""

from headwater.incremental.lowering.query import lower
from headwater.incremental.lowering.refusals import Unmaintainable

__all__ = ["Unmaintainable", "lower"]
