"""What the room offers, in one place: from a query's text to what is known of it.

Apart from the package itself so that whoever needs only the values
(:mod:`headwater.sql.analysis`) imports no parser, which takes longer than a run with nothing to do.
"""

from __future__ import annotations

from headwater.sql.analyse import ParsedQuery, TableReference, analyse, parse
from headwater.sql.analysis import Analysis, Binder, ColumnLineage, ColumnReference, QueryWarning
from headwater.sql.fields import expression_fields
from headwater.sql.parse import generate, parse_engine_sql
from headwater.sql.queries import PreparedQuery, QueryRead, prepare_query
from headwater.sql.rules import check_rule_query

__all__ = [
    "Analysis",
    "Binder",
    "ColumnLineage",
    "ColumnReference",
    "ParsedQuery",
    "PreparedQuery",
    "QueryRead",
    "QueryWarning",
    "TableReference",
    "analyse",
    "check_rule_query",
    "expression_fields",
    "generate",
    "parse",
    "parse_engine_sql",
    "prepare_query",
]
