"""What Flink SQL looks like: quotes, null order, division.

Apart from the rewrites because sqlglot asks a dialect for these while it writes.
"""

from __future__ import annotations

from typing import ClassVar

from sqlglot import tokens
from sqlglot.dialects.dialect import Dialect, NormalizationStrategy

__all__ = ["FlinkDialect"]


class FlinkDialect(Dialect):
    """Flink 2: identifiers in backticks and case-sensitive, NULL is the smallest value, integers divide to integers."""

    NORMALIZATION_STRATEGY = NormalizationStrategy.CASE_SENSITIVE
    NULL_ORDERING = "nulls_are_small"
    TYPED_DIVISION = True
    INDEX_OFFSET = 1

    class Tokenizer(tokens.Tokenizer):
        """Backticks quote identifiers, single quotes strings."""

        IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ["`"]
        QUOTES: ClassVar[list[tuple[str, str] | str]] = ["'"]
