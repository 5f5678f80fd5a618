"""Delta tables: our own log entries, read back, checked and checkpointed by delta-rs."""

from headwater.formats.tables.delta.format import DeltaFormat

__all__ = ["DeltaFormat"]
