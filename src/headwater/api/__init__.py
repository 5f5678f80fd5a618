"""The facade: plain functions that the surfaces call, and the only place where the rooms are wired together."""
