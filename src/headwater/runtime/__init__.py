"""Executing plans: epochs, the commit protocol, recovery, and what is remembered of runs."""

from headwater.runtime.execution import new_run_id, run
from headwater.runtime.report import ProductReport, RelationReport, RunReport

__all__ = ["ProductReport", "RelationReport", "RunReport", "new_run_id", "run"]
