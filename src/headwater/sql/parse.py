"""Text to one parsed query, or located errors.

Apart from analysis because ad-hoc queries, rules and dependency extraction
parse too, and because a model is parsed once: its dependencies are read from
the same tree that is analysed later.
"""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from headwater.errors import DeclarationError, did_you_mean
from headwater.sql.dialect import HeadwaterDialect, WindowSyntaxError, keep_verbatim, rewrite_windows
from headwater.sql.text import QueryText
from headwater.sql.windows import place_window_tables

__all__ = ["dialect", "generate", "parse_engine_sql", "parse_query", "without_places"]

dialect: Final = HeadwaterDialect()

_jinja: Final = re.compile(r"\{\{|\{%|\{#")
_no_position: Final = re.compile(r"(?:\. )?Line \d+, Col: \d+\.?.*", re.DOTALL)
_internals: Final = re.compile(r"<(?:Token|class)\b")
_opening: Final = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
_closing: Final = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})
_openers: Final = frozenset({"SELECT", "WITH", "FROM", "VALUES", "("})
_deepest: Final = 100
"""Brackets inside brackets: more than any query needs, fewer than exhaust the stack."""

_deepest_tree: Final = 200
"""Levels of a parsed query, which resolution and generation descend by recursion."""

_levels_of_a_token: Final = 4
"""At most so many levels of a tree come from one token; short queries need not be measured."""

_longest: Final = 1_000_000
"""Characters of a query."""

_statement_hints: Final = {
    "COPY": "headwater publishes the result itself: name the table format in the model's header, `output parquet`",
    "ATTACH": "declare the database as a source in headwater.yaml",
    "INSTALL": "extensions of the engine are part of an environment, not of a query",
    "LOAD": "extensions of the engine are part of an environment, not of a query",
    "CREATE": "write the SELECT alone: headwater creates and publishes its result",
    "INSERT": "write the SELECT alone: headwater appends its rows",
    "SET": "settings of the engine belong to `environments` in headwater.yaml",
    "PRAGMA": "settings of the engine belong to `environments` in headwater.yaml",
    "PIVOT": "write SELECT * FROM t PIVOT (sum(x) FOR c IN ('a', 'b')), which names its columns",
    "UNPIVOT": "write SELECT * FROM t UNPIVOT (value FOR name IN (a, b))",
}

_places: Final = frozenset({"line", "col", "start", "end"})
"""What the parser notes of where an expression stands."""


def parse_query(text: QueryText) -> exp.Query:
    """The one query a text holds.

    Raises:
        DeclarationError: it is not SQL, not a query, or more than one.
    """
    tokens = _tokenize(text)
    if not tokens:
        raise DeclarationError("there is no query here", where=text.location(0), hint="write one SELECT")
    _check_statements(tokens, text)
    tree = _parsed(tokens, text)
    measured = len(tokens) * _levels_of_a_token > _deepest_tree
    if tree is not None and measured and _depth(tree) > _deepest_tree:
        raise _too_deep(text, tokens[0].start)
    return _query(tree, tokens, text)


def _query(tree: exp.Expr | None, tokens: list[Token], text: QueryText) -> exp.Query:
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree)
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        raise _not_a_query(tokens[0], text)
    place_window_tables(tree)
    return tree


def _parsed(tokens: list[Token], text: QueryText) -> exp.Expr | None:
    """What the parser makes of one statement; it stumbles over some broken texts instead of refusing them."""
    parser = dialect.parser()
    try:
        trees = parser.parse(tokens, text.text)
    except ParseError as error:
        raise _parse_error(error, text) from error
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise DeclarationError("the SQL cannot be parsed", where=text.location(tokens[0].start)) from error
    return trees[0] if trees else None


def _depth(tree: exp.Expr) -> int:
    """The height of a tree; the left side of an operator counts as one level with it."""
    deepest = 0
    open_nodes = [(tree, 1)]
    while open_nodes:
        node, depth = open_nodes.pop()
        deepest = max(deepest, depth)
        chain = isinstance(node, exp.Binary) and not isinstance(node, exp.Dot)
        for child in node.iter_expressions():
            flat = chain and child.arg_key == "this" and isinstance(child, exp.Binary)
            open_nodes.append((child, depth if flat else depth + 1))
    return deepest


def _too_deep(text: QueryText, offset: int) -> DeclarationError:
    return DeclarationError(
        "the query is nested too deeply", where=text.location(offset), hint="split it into models or CTEs"
    )


def parse_engine_sql(sql: str) -> exp.Query:
    """The tree of SQL that :func:`generate` wrote: functions stay as they are, unlike with sqlglot's own dialect.

    What was checked of the query that it was written from is not checked again.
    """
    text = QueryText(sql, "engine SQL")
    tokens = _tokens(text)
    return _query(_parsed(tokens, text), tokens, text)


def without_places(tree: exp.Query) -> exp.Query:
    """The tree, whose nodes forget where they stood in the text: copying that takes longer than all the rest."""
    for node in tree.walk():
        meta = node._meta  # noqa: SLF001 - asking for `meta` makes one for every node
        if meta:
            node._meta = {key: value for key, value in meta.items() if key not in _places} or None  # noqa: SLF001
    return tree


def generate(tree: exp.Expr, *, copy: bool = False, text: QueryText | None = None) -> str:
    """The text of a resolved tree: every identifier quoted, no comments. Without ``copy`` the tree is used up.

    Raises:
        DeclarationError: something in the tree has no argument it needs; located in ``text`` when that is given.
    """
    try:
        return dialect.generate(tree, copy=copy, identify=True, comments=False)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise DeclarationError(
            "a function or clause of the query lacks something it needs",
            where=text.location(0) if text is not None else None,
        ) from error


def _tokenize(text: QueryText) -> list[Token]:
    if len(text.text) > _longest:
        raise DeclarationError(
            f"the query is longer than {_longest:,} characters",
            where=text.location(0),
            hint="put data into a source, not into a query",
        )
    if braces := _jinja.search(text.text):
        raise DeclarationError(
            "templates such as {{ ... }} are not part of the language",
            where=text.location(braces.start()),
            hint="name relations in plain SQL; values that differ by environment belong to headwater.yaml",
        )
    return _tokens(text)


def _tokens(text: QueryText) -> list[Token]:
    try:
        tokens = dialect.tokenize(text.text)
        _check_depth(tokens, text)
        keep_verbatim(tokens)
        return rewrite_windows(tokens)
    except TokenError as error:
        raise DeclarationError(
            "the text cannot be read as SQL: a quote or comment is not closed", where=text.location(len(text.text))
        ) from error
    except WindowSyntaxError as error:
        raise DeclarationError(str(error), where=text.location(error.start)) from error


def _check_depth(tokens: list[Token], text: QueryText) -> None:
    depth = 0
    for token in tokens:
        if token.token_type in _opening:
            depth += 1
            if depth > _deepest:
                raise _too_deep(text, token.start)
        elif token.token_type in _closing:
            depth -= 1


def _check_statements(tokens: list[Token], text: QueryText) -> None:
    """Refuse what is no query before the parser guesses what it might be."""
    if tokens[0].text.upper() not in _openers:
        raise _not_a_query(tokens[0], text)
    ended = False
    for token in tokens:
        if ended and token.token_type != TokenType.SEMICOLON:
            raise DeclarationError(
                "one query is read here, this text has more than one statement",
                where=text.location(token.start),
                hint="move the second statement into a model of its own",
            )
        ended |= token.token_type == TokenType.SEMICOLON


def _parse_error(error: ParseError, text: QueryText) -> DeclarationError:
    found = error.errors[0] if error.errors else {}
    line, column = found.get("line"), found.get("col")
    highlight = found.get("highlight") or ""
    offset = len(text.text.rstrip())
    if line is not None and column is not None and 1 <= line <= len(text.line_starts):
        offset = text.line_starts[line - 1] + max(column - len(highlight), 0)
    description = _no_position.sub("", str(found.get("description") or error)).strip().rstrip(".")
    detail = None if _internals.search(description) or description.startswith("Invalid expression") else description
    near = f" near '{highlight}'" if highlight else " at the end of the query"
    return DeclarationError(f"the SQL cannot be parsed{near}", detail=detail or None, where=text.location(offset))


def _not_a_query(token: Token, text: QueryText) -> DeclarationError:
    word = token.text.upper()
    return DeclarationError(
        f"{word} is not a query",
        detail="only SELECT, WITH, VALUES and set operations are read",
        hint=_statement_hints.get(word) or _near(word) or "write one SELECT",
        where=text.location(token.start),
    )


def _near(word: str) -> str | None:
    hint = did_you_mean(word, _openers - {"("})
    return hint if hint is not None and hint.startswith("did you mean") else None
