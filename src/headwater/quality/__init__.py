"""From a contract to the checks that admit or refuse rows, and to compatibility. Pure."""

from headwater.quality.agreement import agree
from headwater.quality.checks import (
    Check,
    DatasetCheck,
    Judgement,
    KeyCheck,
    ReferenceCheck,
    RowCheck,
    Unjudged,
)
from headwater.quality.compatibility import ContractChange, diff
from headwater.quality.compiler import compile_judgement
from headwater.quality.inference import ColumnStatistics, infer_contract
from headwater.quality.judging import DatasetQuery, HistoryUse, Judging, judge
from headwater.quality.quarantine import QUARANTINE_SCHEMA, RUN, row_from_json, row_to_json, run_statement
from headwater.quality.times import FUTURE, LATE, Timing, event_time_of
from headwater.quality.verdicts import Verdict, overspent, verdict

__all__ = [
    "FUTURE",
    "LATE",
    "QUARANTINE_SCHEMA",
    "RUN",
    "Check",
    "ColumnStatistics",
    "ContractChange",
    "DatasetCheck",
    "DatasetQuery",
    "HistoryUse",
    "Judgement",
    "Judging",
    "KeyCheck",
    "ReferenceCheck",
    "RowCheck",
    "Timing",
    "Unjudged",
    "Verdict",
    "agree",
    "compile_judgement",
    "diff",
    "event_time_of",
    "infer_contract",
    "judge",
    "overspent",
    "row_from_json",
    "row_to_json",
    "run_statement",
    "verdict",
]
