"""The authoring dialect: DuckDB's, plus the window table functions of SQL:2016 and Calcite.

sqlglot's compiled build forbids subclasses of its parser, generator and
expressions. So the dialect extends the language where both builds allow it:
between tokenizer and parser. Every spelling of a window table function::

    TABLE(TUMBLE(TABLE t, DESCRIPTOR(c), INTERVAL '1' HOUR))
    TABLE(TUMBLE(DATA => TABLE t, TIMECOL => DESCRIPTOR(c), SIZE => INTERVAL '1' HOUR))
    SESSION(t PARTITION BY k, c, INTERVAL 1 HOUR)

becomes an ordinary function call in one argument order, which DuckDB's grammar
reads: ``TUMBLE(t, c, INTERVAL '1' HOUR)``, ``SESSION(t, c, INTERVAL 1 HOUR, SESSION_KEYS(k))``.
Tokens keep their positions, so errors still point into the user's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.tokenizer_core import Token, TokenType

from headwater.sql.functions import verbatim

__all__ = [
    "FUNCTION_NAME",
    "SESSION_KEYS",
    "HeadwaterDialect",
    "WindowSyntaxError",
    "keep_verbatim",
    "rewrite_windows",
    "window_arguments",
    "window_usage",
]

FUNCTION_NAME: Final = "function_name"
"""Key of a function node's meta data under which its name stands as the user wrote it."""

SESSION_KEYS: Final = "SESSION_KEYS"

window_arguments: Final[dict[str, tuple[str, ...]]] = {
    "TUMBLE": ("DATA", "TIMECOL", "SIZE", "OFFSET"),
    "HOP": ("DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"),
    "CUMULATE": ("DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"),
    "SESSION": ("DATA", "TIMECOL", "GAP", SESSION_KEYS),
}
"""Calcite's argument names, in order; ``OFFSET`` and the session's keys may be left out."""


class HeadwaterDialect(DuckDB):
    """DuckDB's dialect that knows MATCH_RECOGNIZE and remembers how functions were spelled."""

    ORIGINAL_NAME_META_KEY = FUNCTION_NAME

    class Tokenizer(DuckDB.Tokenizer):
        """DuckDB's tokens and one keyword of SQL:2016."""

        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            **DuckDB.Tokenizer.KEYWORDS,
            "MATCH_RECOGNIZE": TokenType.MATCH_RECOGNIZE,
        }


def keep_verbatim(tokens: Sequence[Token]) -> None:
    """Mark calls of functions that the parser shall keep as written.

    sqlglot takes a call for one it does not know when its closing parenthesis
    carries this comment.
    """
    calls: list[bool] = []
    before: Token | None = None
    for token in tokens:
        if token.token_type == TokenType.L_PAREN:
            calls.append(before is not None and before.text.lower() in verbatim)
        elif token.token_type == TokenType.R_PAREN and calls and calls.pop():
            token.comments.append(exp.SQLGLOT_ANONYMOUS)
        before = token


class WindowSyntaxError(ValueError):
    """A window table function is not written as one; ``start`` is the offset in the text."""

    def __init__(self, message: str, start: int) -> None:
        super().__init__(message)
        self.start = start


def rewrite_windows(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with every window table function in its short positional form.

    Raises:
        WindowSyntaxError: arguments are missing, too many, or named wrongly.
    """
    if not any(token.text.upper() in window_arguments for token in tokens):
        return list(tokens)
    written: list[Token] = []
    at = 0
    while at < len(tokens):
        wrapped = tokens[at].token_type == TokenType.TABLE and _starts_call(tokens, at + 2)
        start = at + 2 if wrapped and tokens[at + 1].token_type == TokenType.L_PAREN else at
        if not _starts_call(tokens, start):
            written.append(tokens[at])
            at += 1
            continue
        end = _closing(tokens, start + 1)
        written += _call(tokens[start : end + 1])
        at = end + 1
        if start != at and wrapped:
            at += 1 if at < len(tokens) and tokens[at].token_type == TokenType.R_PAREN else 0
    return written


def _starts_call(tokens: Sequence[Token], at: int) -> bool:
    return (
        at + 1 < len(tokens)
        and tokens[at].text.upper() in window_arguments
        and tokens[at].token_type != TokenType.STRING
        and tokens[at + 1].token_type == TokenType.L_PAREN
    )


def _closing(tokens: Sequence[Token], at: int) -> int:
    """Index of the parenthesis that closes the one at ``at``."""
    depth = 0
    for index in range(at, len(tokens)):
        if tokens[index].token_type == TokenType.L_PAREN:
            depth += 1
        elif tokens[index].token_type == TokenType.R_PAREN:
            depth -= 1
            if depth == 0:
                return index
    raise WindowSyntaxError(f"the parenthesis after {tokens[at - 1].text} is not closed", tokens[at].start)


def _call(tokens: Sequence[Token]) -> list[Token]:
    name = tokens[0]
    kind = name.text.upper()
    order = window_arguments[kind]
    found: dict[str, list[Token]] = {}
    keys: list[Token] = []
    slices = _split(tokens[2:-1])
    if kind == "SESSION":
        slices, keys = _session_keys(slices)
    for position, argument in enumerate(slices):
        label, value = _named(argument)
        label = label or (order[position] if position < len(order) else "")
        if label not in order or label in found or not value:
            raise WindowSyntaxError(f"{kind} takes {window_usage(kind)}", argument[0].start if argument else name.start)
        found[label] = _unwrapped(value)
    required = order[:-1]
    if any(not found.get(label) for label in required):
        raise WindowSyntaxError(f"{kind} takes {window_usage(kind)}", name.start)
    found["DATA"] = rewrite_windows(found["DATA"])
    if keys:
        call = _mark(TokenType.VAR, SESSION_KEYS, keys[0])
        found[SESSION_KEYS] = [
            call,
            _mark(TokenType.L_PAREN, "(", keys[0]),
            *keys,
            _mark(TokenType.R_PAREN, ")", keys[-1]),
        ]
    written = [_mark(TokenType.VAR, kind, name), tokens[1]]
    for label in order:
        if label in found:
            if label != "DATA":
                written.append(_mark(TokenType.COMMA, ",", found[label][0]))
            written += found[label]
    return [*written, tokens[-1]]


def window_usage(kind: str) -> str:
    """The arguments of a window table function, in words."""
    *needed, optional = window_arguments[kind]
    words = {"DATA": "a table", "TIMECOL": "its time column"}
    listed = ", ".join(words.get(label, label.lower()) for label in needed)
    if kind == "SESSION":
        return listed.replace("a table", "a table [PARTITION BY keys]")
    return f"{listed} [, {optional.lower()}]"


def _split(tokens: Sequence[Token]) -> list[list[Token]]:
    """The arguments between commas outside any parenthesis."""
    slices: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        if token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE):
            depth += 1
        elif token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE):
            depth -= 1
        if token.token_type == TokenType.COMMA and depth == 0:
            slices.append([])
        else:
            slices[-1].append(token)
    return slices


def _session_keys(slices: list[list[Token]]) -> tuple[list[list[Token]], list[Token]]:
    """Take ``PARTITION BY k, j`` off the table argument; the last two slices are the column and the gap."""
    data = slices[0]
    at = _outside(data, TokenType.PARTITION_BY)
    if at is None:
        return slices, []
    split = max(len(slices) - 2, 1)
    keys = list(data[at + 1 :])
    for key in slices[1:split]:
        if key:
            keys += [_mark(TokenType.COMMA, ",", key[0]), *key]
    if len(keys) > 2 and keys[0].token_type == TokenType.L_PAREN and _closing(keys, 0) == len(keys) - 1:
        keys = keys[1:-1]
    return [data[:at], *slices[split:]], keys


def _outside(tokens: Sequence[Token], wanted: TokenType) -> int | None:
    """Where a token first stands outside any parenthesis."""
    depth = 0
    for at, token in enumerate(tokens):
        if token.token_type == TokenType.L_PAREN:
            depth += 1
        elif token.token_type == TokenType.R_PAREN:
            depth -= 1
        elif token.token_type == wanted and depth == 0:
            return at
    return None


def _named(argument: list[Token]) -> tuple[str | None, list[Token]]:
    if len(argument) > 2 and argument[1].token_type == TokenType.FARROW:
        return argument[0].text.upper(), argument[2:]
    return None, argument


def _unwrapped(value: list[Token]) -> list[Token]:
    """``TABLE t`` is ``t``, ``DESCRIPTOR(c)`` is ``c``."""
    if value and value[0].token_type == TokenType.TABLE:
        return value[1:]
    if len(value) > 3 and value[0].text.upper() == "DESCRIPTOR" and value[1].token_type == TokenType.L_PAREN:
        return value[2:-1]
    return value


def _mark(token_type: TokenType, text: str, near: Token) -> Token:
    return Token(token_type, text, near.line, near.col, near.start, near.end, [])
