"""Refusing secrets that stand in a declaration in clear.

Apart from the secrets' own module because this one speaks of files and places,
and needs the readers; whoever connects does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from headwater.errors import DeclarationError
from headwater.spec.documents import Document, Path
from headwater.spec.places import path_text, value_at
from headwater.spec.redaction import is_secret_name, password_in_url
from headwater.spec.secrets import REFERENCE
from headwater.types import Json

__all__ = ["clear_secrets"]

_environment_name: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def clear_secrets(document: Document, at: Path = ()) -> list[DeclarationError]:
    """An error for everything below a path that is a secret in clear, or a reference nobody can resolve."""
    return list(_clear_secrets(document, at, value_at(document.data, at)))


def _clear_secrets(document: Document, path: Path, value: Json) -> Iterator[DeclarationError]:
    match value:
        case Mapping():
            for name, item in value.items():
                yield from _clear_secrets(document, (*path, name), item)
        case list():
            for index, item in enumerate(value):
                yield from _clear_secrets(document, (*path, index), item)
        case str() | int() | float() if not isinstance(value, bool):
            yield from _judge(document, path, str(value))
        case _:
            return


def _judge(document: Document, path: Path, text: str) -> Iterator[DeclarationError]:
    name = str(path[-1]) if path else ""
    references = list(REFERENCE.finditer(text))
    for found in references:
        reason = _bad_reference(found)
        if reason:
            yield DeclarationError(
                f"{path_text(path)}: {reason}",
                hint="write ${env:NAME} or ${file:path}",
                where=document.where(path),
            )
    named = is_secret_name(name) and text and not references
    if named or password_in_url(text):
        variable = re.sub(r"\W+", "_", path_text(path)).strip("_").upper()
        yield DeclarationError(
            f"{path_text(path)} holds a secret in clear" if named else f"{path_text(path)} holds a password in clear",
            detail="declarations are shared and kept in version control",
            hint=f"refer to it: ${{env:{variable}}} or ${{file:path/of/the/secret}}",
            where=document.where(path),
        )


def _bad_reference(found: re.Match[str]) -> str | None:
    match found["kind"]:
        case "env":
            valid = _environment_name.fullmatch(found["name"])
            return None if valid else f"'{found['name']}' cannot be the name of an environment variable"
        case "file":
            return None if found["name"].strip() else "the reference names no file"
        case kind:
            return f"'{kind}' is no kind of reference"
