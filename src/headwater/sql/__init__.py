"""One authoring dialect in, any dialect out: parse, qualify, type, lineage, windows.

With ``incremental`` and ``engines`` the only room that knows sqlglot. Pure: it
reads no file and no data; exact types come from a binder passed in by the caller.
"""
