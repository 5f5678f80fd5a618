"""The facade: plain functions that the surfaces call, and the only place where the rooms are wired together.

What is not asked for is not imported: a command that runs needs nothing of what begins a workspace.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headwater.api.carrying import init_from_dbt, init_from_odcs
    from headwater.api.contracts import ContractDiff, InferredContract, check_contracts, diff_contracts, infer_contract
    from headwater.api.maintenance import MaintainedTable, maintain
    from headwater.api.planning import CheckReport, ExplainedCheck, Explanation, check, explain, plan
    from headwater.api.project import Project, load
    from headwater.api.quarantine import ReasonCount, quarantine_list, quarantine_show
    from headwater.api.reading import QueryResult, QueryStream, open_query, query
    from headwater.api.records import RelationStatus, history, status
    from headwater.api.replaying import quarantine_replay
    from headwater.api.running import ProductOutcome, RelationOutcome, RunOutcome, run
    from headwater.api.scaffold import Created, init_from_files, init_from_template, templates
    from headwater.api.tracing import LineageNode, lineage

__all__ = [
    "CheckReport",
    "ContractDiff",
    "Created",
    "ExplainedCheck",
    "Explanation",
    "InferredContract",
    "LineageNode",
    "MaintainedTable",
    "ProductOutcome",
    "Project",
    "QueryResult",
    "QueryStream",
    "ReasonCount",
    "RelationOutcome",
    "RelationStatus",
    "RunOutcome",
    "check",
    "check_contracts",
    "diff_contracts",
    "explain",
    "history",
    "infer_contract",
    "init_from_dbt",
    "init_from_files",
    "init_from_odcs",
    "init_from_template",
    "lineage",
    "load",
    "maintain",
    "open_query",
    "plan",
    "quarantine_list",
    "quarantine_replay",
    "quarantine_show",
    "query",
    "run",
    "status",
    "templates",
]

_modules: Final = {
    "carrying": ("init_from_dbt", "init_from_odcs"),
    "contracts": ("ContractDiff", "InferredContract", "check_contracts", "diff_contracts", "infer_contract"),
    "maintenance": ("MaintainedTable", "maintain"),
    "planning": ("CheckReport", "ExplainedCheck", "Explanation", "check", "explain", "plan"),
    "project": ("Project", "load"),
    "quarantine": ("ReasonCount", "quarantine_list", "quarantine_show"),
    "reading": ("QueryResult", "QueryStream", "open_query", "query"),
    "records": ("RelationStatus", "history", "status"),
    "replaying": ("quarantine_replay",),
    "running": ("ProductOutcome", "RelationOutcome", "RunOutcome", "run"),
    "scaffold": ("Created", "init_from_files", "init_from_template", "templates"),
    "tracing": ("LineageNode", "lineage"),
}
_homes: Final = {name: module for module, names in _modules.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name of the facade when it is first asked for (PEP 562)."""
    if name not in _homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_homes[name]}"), name)
    globals()[name] = found
    return found
