"""A dbt model's template, read without dbt and without Jinja.

Apart from the project around it because it is text work: references, sources
and the configuration are understood, ``is_incremental()`` blocks dropped, and
anything else is a reason why the model cannot be carried over.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Final

from headwater.errors import DeclarationError
from headwater.spec.text import FileText
from headwater.values import frozen

__all__ = ["Template", "read_template"]

_tags: Final = re.compile(r"\{#.*?#\}|\{\{-?(?P<value>.*?)-?\}\}|\{%-?(?P<block>.*?)-?%\}", re.DOTALL)
_incremental: Final = re.compile(r"if\s+is_incremental\s*\(\s*\)")
_constants: Final = {"true": True, "false": False, "none": None}


@frozen
class Template:
    """A model as SQL, what it configures, and the lines of the incremental blocks that were dropped."""

    sql: str
    config: Mapping[str, object]
    dropped: tuple[int, ...]


def read_template(
    file: FileText, ref: Callable[[str], str | None], source: Callable[[str, str], str | None]
) -> Template:
    """Read a template.

    Args:
        ref: the relation that a model's or seed's name stands for; None when there is none.
        source: the same for a table of a source.

    Raises:
        DeclarationError: something in it cannot be carried over, with its place.
    """
    parts: list[str] = []
    config: dict[str, object] = {}
    dropped: list[int] = []
    end, inside = 0, False
    for tag in _tags.finditer(file.text):
        if not inside:
            parts.append(file.text[end : tag.start()])
        end = tag.end()
        block = (tag["block"] or "").strip()
        if inside:
            if block and block != "endif":
                raise _refused(file, tag, f"{{% {block} %}} inside an is_incremental() block")
            inside = not block
        elif block and _incremental.fullmatch(block):
            dropped.append(file.line_of(tag.start()))
            inside = True
        elif tag["block"] is not None:
            raise _refused(file, tag, f"{{% {block} %}}")
        elif tag["value"] is not None:
            parts.append(_value(file, tag, config, ref, source))
    if inside:
        raise DeclarationError("an is_incremental() block has no end", where=file.at(dropped[-1], 1))
    sql = "".join([*parts, file.text[end:]]).strip().removesuffix(";").rstrip()
    return Template(sql, config, tuple(dropped))


def _value(
    file: FileText,
    tag: re.Match[str],
    config: dict[str, object],
    ref: Callable[[str], str | None],
    source: Callable[[str, str], str | None],
) -> str:
    text = tag["value"].strip()
    call = _call(text)
    match call:
        case ("ref", [str() as name], settings) if not settings:
            found = ref(name)
        case ("source", [str() as name, str() as table], settings) if not settings:
            found = source(name, table)
        case ("config", [], settings):
            config.update(settings)
            return ""
        case _:
            raise _refused(file, tag, f"{{{{ {text} }}}}")
    if found is None:
        raise DeclarationError(f"{text} leads to nothing in the project", where=file.at_offset(tag.start()))
    return found


def _call(text: str) -> tuple[str, list[object], dict[str, object]] | None:
    """A call with literal arguments, which Jinja writes as Python does; None for anything else."""
    try:
        parsed = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None
    if not isinstance(parsed, ast.Call) or not isinstance(parsed.func, ast.Name):
        return None
    try:
        given = {str(keyword.arg): _literal(keyword.value) for keyword in parsed.keywords if keyword.arg}
        return parsed.func.id, [_literal(argument) for argument in parsed.args], given
    except ValueError:
        return None


def _literal(node: ast.expr) -> object:
    if isinstance(node, ast.Name) and node.id in _constants:
        return _constants[node.id]
    found: object = ast.literal_eval(node)
    return found


def _refused(file: FileText, tag: re.Match[str], what: str) -> DeclarationError:
    shown = " ".join(what.split())
    return DeclarationError(
        f"{shown if len(shown) <= 80 else shown[:79] + '…'} cannot be carried over",
        hint="compile the model with dbt, and write what it compiles to as plain SQL",
        where=file.at_offset(tag.start()),
    )
