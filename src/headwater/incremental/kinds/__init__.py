"""The ways to maintain a block, one module each, and the choice among them."""

from headwater.incremental.kinds.claims import Claim, Kind, Query
from headwater.incremental.kinds.dispatch import classify, kind_of, kinds

__all__ = ["Claim", "Kind", "Query", "classify", "kind_of", "kinds"]
