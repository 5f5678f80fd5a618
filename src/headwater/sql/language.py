"""What the room offers, in one place: from a query's text to what is known of it.

Apart from the package itself so that whoever needs only the values
(:mod:`headwater.sql.analysis`) imports no parser, which takes longer than a run with nothing to do.
"""

from __future__ import annotations

from headwater.sql.analyse import ParsedQuery, TableReference, analyse, parse, reads
from headwater.sql.analysis import Analysis, Binder, ColumnLineage, ColumnReference, QueryWarning
from headwater.sql.parse import generate, parse_engine_sql
from headwater.sql.predicates import RuleQuery, check_predicate, check_rule_query
from headwater.sql.queries import PreparedQuery, QueryRead, guard_query, prepare_query, query_relations

__all__ = [
    "Analysis",
    "Binder",
    "ColumnLineage",
    "ColumnReference",
    "ParsedQuery",
    "PreparedQuery",
    "QueryRead",
    "QueryWarning",
    "RuleQuery",
    "TableReference",
    "analyse",
    "check_predicate",
    "check_rule_query",
    "generate",
    "guard_query",
    "parse",
    "parse_engine_sql",
    "prepare_query",
    "query_relations",
    "reads",
]
