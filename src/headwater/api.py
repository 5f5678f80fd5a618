"""The facade: about ten plain functions that the surfaces call."""
