"""The facade: plain functions that the surfaces call, and the only place where the rooms are wired together."""

from headwater.api.carrying import init_from_dbt, init_from_odcs
from headwater.api.contracts import ContractDiff, InferredContract, check_contracts, diff_contracts
from headwater.api.contracts import infer as infer_contract
from headwater.api.lineage import LineageNode, lineage
from headwater.api.maintenance import MaintainedTable, maintain
from headwater.api.planning import CheckReport, ExplainedCheck, Explanation, check, explain, plan
from headwater.api.project import Project, load
from headwater.api.quarantine import ReasonCount, quarantine_list, quarantine_show
from headwater.api.reading import QueryResult, QueryStream, open_query, query
from headwater.api.records import RelationStatus, history, status
from headwater.api.replaying import quarantine_replay
from headwater.api.running import ProductOutcome, RelationOutcome, RunOutcome, run
from headwater.api.scaffold import Created, init_from_files, init_from_template, templates

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
