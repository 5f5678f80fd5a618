"""One authoring dialect in, any dialect out: parse, qualify, type, lineage, windows.

With ``incremental`` and ``engines`` the only room that knows sqlglot. Pure: it
reads no file and no data; exact types come from a binder passed in by the caller.
"""

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
