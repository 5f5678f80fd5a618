"""Epochs, commits, recovery, the metadata store: what executes a plan."""
