"""What looks like a secret in text, found and blotted out.

Apart from the secrets themselves because excerpts of files are shown before
anything is known about what the file means.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_secret_name", "password_in_url", "redact"]

_secret_name: Final = re.compile(
    r"(?:^|[_\-.])(?:passwords?|passwd|passphrase|pwd|secrets?|tokens?|api_?key|secret_?key|access_?key|account_?key"
    r"|private_?key|sas|credentials?|authorization)$",
    re.IGNORECASE,
)
_camel: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_url: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.\-]*://)(?P<user>[^\s/@:'\"]*):(?P<password>[^\s/@'\"]+)@", re.IGNORECASE
)
_url_option: Final = re.compile(
    r"[?&;](?:password|passwd|pwd|token|secret|api_?key|sig)=(?P<password>[^\s&;'\"]+)", re.IGNORECASE
)
_key: Final = re.compile(r"(?P<key>[\w.\-]+)[\"']?\s*:\s+(?=\S)")
_reference: Final = re.compile(r"\$\{[a-z]+:[^{}]*\}")


def is_secret_name(name: str) -> bool:
    """Whether an option of this name holds a secret.

    >>> [is_secret_name(name) for name in ("password", "sslPassword", "api_key", "password_file", "tokenizer")]
    [True, True, True, False, False]
    """
    return _secret_name.search(_camel.sub("_", name)) is not None


def password_in_url(text: str) -> bool:
    """Whether the text is a URL that carries a password in clear.

    >>> password_in_url("postgresql://me:hunter2@host/db"), password_in_url("postgresql://me:${env:PW}@host/db")
    (True, False)
    """
    return any(
        not _reference.fullmatch(found["password"])
        for pattern in (_url, _url_option)
        for found in pattern.finditer(text)
    )


def redact(line: str) -> str:
    """A line of a file with what looks like a secret replaced by as many asterisks.

    >>> redact("  password: hunter2")
    '  password: *******'
    >>> redact("url: postgresql://me:hunter2@host/db")
    'url: postgresql://me:*******@host/db'
    """
    if ":" not in line and "=" not in line:
        return line
    for pattern in (_url, _url_option):
        line = pattern.sub(_blot, line)
    for entry in _key.finditer(line):
        value = line[entry.end() :]
        if is_secret_name(entry["key"]) and not _reference.match(value.lstrip("\"'")):
            return line[: entry.end()] + "*" * len(value)
    return line


def _blot(found: re.Match[str]) -> str:
    password = found["password"]
    if _reference.fullmatch(password):
        return found.group()
    start = found.start("password") - found.start()
    return found.group()[:start] + "*" * len(password) + found.group()[start + len(password) :]
