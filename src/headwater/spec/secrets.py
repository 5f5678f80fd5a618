"""Secrets: references in files, values only at connection time, never printed.

Apart from the readers because a declaration holds references only; whoever
connects resolves them, with the environment and a file reader of its choice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from headwater.errors import UsageError
from headwater.types import Json

__all__ = ["REFERENCE", "Resolved", "Secret", "resolve_secrets", "resolve_text"]

REFERENCE: Final = re.compile(r"\$\{(?P<kind>[a-z]+):(?P<name>[^{}]*)\}")


class Secret:
    """A value that no message, log or repr shows; :meth:`reveal` gives it to the client that connects."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return format(repr(self), format_spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")


Resolved: TypeAlias = "Json | Secret | list[Resolved] | Mapping[str, Resolved]"


def resolve_secrets(
    options: Mapping[str, Json], environ: Mapping[str, str], read_file: Callable[[str], str]
) -> dict[str, Resolved]:
    """Options with every text that held a reference replaced by a :class:`Secret`.

    Args:
        options: a connection's options, with ``${env:NAME}`` and ``${file:path}`` references.
        environ: the environment variables.
        read_file: gives the content of a referenced file; a final line break is dropped.

    Raises:
        UsageError: a variable is not set, or a file cannot be read.
    """
    return {name: _resolve(value, environ, read_file) for name, value in options.items()}


def resolve_text(text: str, environ: Mapping[str, str], read_file: Callable[[str], str]) -> str:
    """A text, such as a URL, with its references replaced. Raises UsageError like :func:`resolve_secrets`."""

    def replace(found: re.Match[str]) -> str:
        name = found["name"]
        match found["kind"]:
            case "env":
                if name not in environ:
                    raise UsageError(f"the environment variable '{name}' is not set", hint=f"export {name}=...")
                return environ[name]
            case "file":
                try:
                    return read_file(name).rstrip("\r\n")
                except OSError as error:
                    raise UsageError(
                        f"the secret file '{name}' cannot be read", detail=(error.strerror or "").lower() or None
                    ) from error
            case kind:
                raise UsageError(f"'{kind}' is no kind of reference", hint="write ${env:NAME} or ${file:path}")

    return REFERENCE.sub(replace, text)


def _resolve(value: Json, environ: Mapping[str, str], read_file: Callable[[str], str]) -> Resolved:
    match value:
        case str() if REFERENCE.search(value):
            return Secret(resolve_text(value, environ, read_file))
        case list():
            return [_resolve(item, environ, read_file) for item in value]
        case Mapping():
            return {name: _resolve(item, environ, read_file) for name, item in value.items()}
        case _:
            return value
