"""One authoring dialect in, any dialect out: parse, qualify, type, lineage, windows.

With ``incremental`` and ``engines`` the only room that knows sqlglot. Pure: it
reads no file and no data; exact types come from a binder passed in by the caller.
The values are here; what makes them is :mod:`headwater.sql.language`, which is imported only where a query is new.
"""

from headwater.sql.analysis import Analysis, Binder, ColumnLineage, ColumnReference, QueryWarning

__all__ = ["Analysis", "Binder", "ColumnLineage", "ColumnReference", "QueryWarning"]
