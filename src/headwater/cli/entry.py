"""The program itself: runs a command and turns whatever happens into text and an exit code.

Apart from the commands so that one place decides how failures look. Exit
codes: 0 ok, 1 data or a check failed, 2 the call or a declaration is wrong,
3 a system outside failed or headwater itself did.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Final, NoReturn

import click

from headwater.cli.grammar import headwater
from headwater.cli.report import report_error
from headwater.errors import HeadwaterError, UsageError

__all__ = ["main", "program"]

_interrupted: Final = 130

_values_between_collections: Final = 100_000
"""Python's own choice is 700: what a command keeps until it ends would be looked through hundreds of times."""


def program() -> NoReturn:
    """The console script: run the process's own command line, and end the process."""
    codes: list[int] = []
    # Registered first and so done last, after whatever else ends with the process.
    atexit.register(_end, codes)
    codes.append(main())
    sys.exit(codes[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: the process's own) and return its exit code; nothing is raised."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _fewer_collections():
            return _run(given)
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return UsageError.exit_code
    except (Exception, KeyboardInterrupt) as raised:
        failure, code = _failure(raised, verbose="--verbose" in given)
        report_error(failure, as_json=_wants_json(given))
        return code


def _end(codes: Sequence[int]) -> None:
    """End the process without taking apart what it holds, which it gives back as a whole (as mypy does).

    What must be closed, a command has closed. Nothing happens without an exit code: then ``sys.exit`` told the
    interpreter (a shell's completions do).
    """
    if not codes:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        os._exit(codes[0])
    except OSError:
        os._exit(codes[0] or HeadwaterError.exit_code)
    os._exit(codes[0])


@contextmanager
def _fewer_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(_values_between_collections, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _failure(raised: BaseException, *, verbose: bool) -> tuple[HeadwaterError, int]:
    """Whatever was raised, as an error of ours, and its exit code."""
    match raised:
        case HeadwaterError():
            return raised, raised.exit_code
        case KeyboardInterrupt() | click.Abort():
            detail = "What was published stays; the next run recovers what was under way."
            return HeadwaterError("interrupted", detail=detail), _interrupted
        case click.ClickException():
            return _from_click(raised), UsageError.exit_code
        case _:
            return _unexpected(raised, verbose=verbose), HeadwaterError.exit_code


def _run(arguments: list[str]) -> int:
    result = headwater.main(args=arguments, prog_name="headwater", standalone_mode=False)
    return result if isinstance(result, int) else 0


def _wants_json(arguments: list[str]) -> bool:
    """Whether errors are to be JSON; read from the raw arguments, because parsing itself may be what failed."""
    values = [right for left, right in pairwise(arguments) if left == "--output"]
    values += [argument.partition("=")[2] for argument in arguments if argument.startswith("--output=")]
    return bool(values) and values[-1] == "json"


def _from_click(error: click.ClickException) -> UsageError:
    """The complaint of click in our form: one sentence, and where help is."""
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "headwater"
    message = error.format_message().rstrip(".")
    return UsageError(message[:1].lower() + message[1:], hint=f"'{path} --help' shows how it is used")


def _unexpected(error: BaseException, *, verbose: bool) -> HeadwaterError:
    """A fault of headwater's own: never a traceback unless it was asked for."""
    trace = "".join(traceback.format_exception(error))
    return HeadwaterError(
        f"headwater failed unexpectedly: {type(error).__name__}",
        detail=trace if verbose else (str(error).partition("\n")[0] or None),
        hint="this is a fault in headwater: please report it with what --verbose shows",
    )
