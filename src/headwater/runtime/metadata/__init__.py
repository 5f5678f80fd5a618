"""What ran, what came of it, and what every environment looks like: for plan, status and history.

Derived from the products' state files after each commit, never the other way
round: a lost store is filled again from them.
"""

from headwater.runtime.metadata.store import MetadataStore
from headwater.runtime.metadata.values import LedgerEntry, PortStatus, ProductRecord, RunRecord

__all__ = ["LedgerEntry", "MetadataStore", "PortStatus", "ProductRecord", "RunRecord"]
