"""Secrets are resolved when connecting, and shown nowhere."""

from __future__ import annotations

import pickle

import pytest

from headwater.errors import UsageError
from headwater.spec import Secret, resolve_secrets, resolve_text
from headwater.spec.text import FileText


def no_file(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory")


def test_references_become_secrets_and_other_values_stay() -> None:
    options = {
        "url": "postgresql://${env:USER_NAME}:${file:pw.txt}@db/shop",
        "port": 5432,
        "tls": {"key": "${env:KEY}"},
    }
    found = resolve_secrets(options, {"USER_NAME": "me", "KEY": "k"}, lambda path: f"content of {path}\n")
    assert found == {
        "url": Secret("postgresql://me:content of pw.txt@db/shop"),
        "port": 5432,
        "tls": {"key": Secret("k")},
    }


def test_what_a_reference_gives_is_not_resolved_again() -> None:
    assert resolve_text("${env:A}", {"A": "${env:B}", "B": "b"}, no_file) == "${env:B}"


def test_a_secret_shows_nothing() -> None:
    secret = Secret("hunter2")
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>20}", "%s" % secret, repr({"a": secret})]  # noqa: UP031
    assert not [text for text in shown if "hunter2" in text]
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert secret.reveal() == "hunter2"
    assert {secret, Secret("hunter2")} == {secret}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${env:NOWHERE}", "the environment variable 'NOWHERE' is not set\n  hint: export NOWHERE=..."),
        ("${file:gone}", "the secret file 'gone' cannot be read\n  no such file or directory"),
        ("${vault:x}", "'vault' is no kind of reference\n  hint: write ${env:NAME} or ${file:path}"),
    ],
)
def test_what_cannot_be_resolved_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError) as found:
        resolve_text(text, {}, no_file)
    assert str(found.value) == message


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  password: hunter2", "  password: *******"),
        ("  password: ${env:PASSWORD}", "  password: ${env:PASSWORD}"),
        ("url: mysql://me:hunter2@db/x?token=abc", "url: mysql://me:*******@db/x?token=***"),
        ("{kind: x, clientSecret: abc}", "{kind: x, clientSecret: ****"),
        ('{"token": "${env:T}", "password": "a, b"}', '{"token": "${env:T}", "password": *******'),
        ("SELECT password FROM users", "SELECT password FROM users"),
    ],
)
def test_excerpts_are_redacted(line: str, shown: str) -> None:
    assert FileText("x.yaml", line).at(1, 1).excerpt == shown
