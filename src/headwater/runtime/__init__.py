"""Executing plans: epochs, the commit protocol, recovery, and what is remembered of runs.

:func:`headwater.runtime.execution.run` is the one entry. It is not imported here, so that whoever only asks where
an environment keeps its files does not load all that runs it.
"""
