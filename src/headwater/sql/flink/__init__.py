"""Flink SQL from the authoring dialect: windows, types, functions, intervals and identifiers.

Written as rewrites of the query's tree, after which sqlglot's own generator
writes the text: its compiled build forbids generators of ours.
"""

from headwater.sql.flink.dialect import FlinkDialect
from headwater.sql.flink.translate import to_flink
from headwater.sql.flink.types import flink_type

__all__ = ["FlinkDialect", "flink_type", "to_flink"]
