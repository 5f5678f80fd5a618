"""One authoring dialect in, any dialect out: parse, qualify, type, lineage, windows.

With ``incremental`` and ``engines`` the only room that knows sqlglot. Pure: it
reads no file and no data; exact types come from a binder passed in by the caller.
"""

from headwater.sql.analyse import ParsedQuery, TableReference, analyse, parse, reads
from headwater.sql.analysis import Analysis, Binder, ColumnLineage, ColumnReference, QueryWarning

__all__ = [
    "Analysis",
    "Binder",
    "ColumnLineage",
    "ColumnReference",
    "ParsedQuery",
    "QueryWarning",
    "TableReference",
    "analyse",
    "parse",
    "reads",
]
