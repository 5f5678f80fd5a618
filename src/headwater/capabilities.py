"""What a plugin can promise, as flags that the planner reads.

They stand at the root so that plan can compare what a model needs with what a
plugin offers without importing either side.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["SourceCapability", "TableCapability"]


class SourceCapability(StrEnum):
    """What a source can do beyond being read once, forward."""

    REPLAY = "replay"
    """Everything up to a position can be read again, byte for byte."""
    BOUNDED = "bounded"
    """The source ends: its watermark may go to infinity."""


class TableCapability(StrEnum):
    """What a table format can do beyond appending."""

    TRANSACTION_ID = "transaction_id"
    """The writer and epoch stand inside the table's own commit, so that a repeated commit changes nothing."""
    REPLACE = "replace"
    """The whole content can be swapped in one commit."""
    MERGE = "merge"
    """Some data files can be exchanged for others in one commit, so that rows come and go without the rest."""
    TIME_TRAVEL = "time_travel"
    """Older versions can be read by number or time until they are expired."""
    ADD_COLUMN = "add_column"
    WIDEN_COLUMN = "widen_column"
    RENAME_COLUMN = "rename_column"
    """Columns carry ids: a rename keeps the data."""
    PARTITION = "partition"
