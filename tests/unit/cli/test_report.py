"""How failures look and which exit code they have."""

from __future__ import annotations

import json
import sys

import pytest

from headwater.cli import command, main
from headwater.cli.command import Command
from headwater.errors import (
    BudgetError,
    DeclarationError,
    DeclarationErrors,
    HeadwaterError,
    Location,
    TransientError,
    UsageError,
)

WRONG = DeclarationError(
    "unknown key 'modle'",
    detail="found in the header",
    hint="did you mean 'model'?",
    where=Location("shop/orders.sql", 3, 5, "    modle x"),
)


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(settings: object) -> None:
        raise error

    monkeypatch.setattr(Command, "load", lambda command: fail)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WRONG, 2),
        (DeclarationErrors([WRONG, WRONG]), 2),
        (UsageError("no such thing"), 2),
        (BudgetError("too many"), 1),
        (TransientError("the storage failed"), 3),
        (RuntimeError("a fault"), 3),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_failures_are_reported_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    failing(monkeypatch, error)
    assert main(["check"]) == code
    found = capsys.readouterr()
    assert found.out == ""
    assert "Traceback" not in found.err


def test_an_error_shows_all_its_parts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, WRONG)
    main(["check"])
    assert capsys.readouterr().err == (
        "error: shop/orders.sql:3:5: unknown key 'modle'\n"
        "    3 |     modle x\n"
        "            ^\n"
        "  found in the header\n"
        "  hint: did you mean 'model'?\n"
    )


def test_a_group_of_errors_is_json_with_each_of_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, DeclarationErrors([WRONG, UsageErrorLike()]))
    assert main(["check", "--output", "json"]) == 2
    found = json.loads(capsys.readouterr().err)["error"]
    assert found["message"] == "2 errors in the declarations"
    assert [each["message"] for each in found["errors"]] == ["unknown key 'modle'", "another"]
    assert found["errors"][0]["where"] == {
        "path": "shop/orders.sql",
        "line": 3,
        "column": 5,
        "excerpt": "    modle x",
    }


class UsageErrorLike(DeclarationError):
    def __init__(self) -> None:
        super().__init__("another")


@pytest.mark.parametrize("arguments", [["--output", "json", "check"], ["check", "--output=json"]])
def test_json_errors_are_asked_for_anywhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    failing(monkeypatch, UsageError("no"))
    main(arguments)
    assert json.loads(capsys.readouterr().err)["error"]["type"] == "UsageError"


def test_a_fault_of_our_own_shows_its_cause_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, RuntimeError("a fault"))
    assert main(["check", "--verbose"]) == 3
    assert "RuntimeError: a fault" in capsys.readouterr().err


def test_a_reader_that_went_away_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, BrokenPipeError())
    monkeypatch.setattr(command, "_forget_stdout", lambda: None)
    assert main(["check"]) == 0


def test_what_could_steer_a_terminal_is_shown_as_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, HeadwaterError("a\x1b[2Jb"))
    main(["check"])
    assert capsys.readouterr().err == "error: a\\x1b[2Jb\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chekc"], "error: no such command 'chekc'. Did you mean 'check'?\n"),
        (["query"], "error: missing argument 'SQL'\n"),
        (["run", "--outptu", "json"], "error: no such option '--outptu'. Did you mean '--output'?\n"),
    ],
)
def test_wrong_calls(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(message)


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Usage: headwater" in capsys.readouterr().err
    assert sys.exc_info() == (None, None, None)
