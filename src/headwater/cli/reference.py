"""The reference page of the command line, made from the commands' own declarations.

Apart from the help because a page shows all commands at once; what ``--help``
says is what the page says, and ``make check`` fails when it does not.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from headwater.cli.command import Command, Group, global_options
from headwater.cli.grammar import headwater

__all__ = ["cli_reference"]

PREFACE = """\
# The command line

This page is generated from the commands' declarations; `headwater COMMAND --help` says the same.

Results go to standard output; progress, logs and errors go to standard error. With `--output json` a command prints one
JSON document, and an error is one JSON object with `message`, `detail`, `hint` and `where`.

| exit code | meaning |
|---|---|
| 0 | all is well |
| 1 | the data broke a promise, or a check failed |
| 2 | the call or a declaration is wrong |
| 3 | a system outside failed, or headwater itself did |
| 130 | interrupted; the next run recovers what was under way |
"""


def cli_reference() -> str:
    """The page as Markdown."""
    context = click.Context(headwater, info_name="headwater")
    lines = [PREFACE, "## Global options", "", "They may stand before or after the command.", ""]
    lines += _table(context, global_options())
    for command in headwater.commands.values():
        lines += _section(context, command, depth=2)
    return "\n".join(lines).rstrip() + "\n"


def _section(parent: click.Context, command: click.Command, *, depth: int) -> Iterator[str]:
    context = click.Context(command, info_name=command.name, parent=parent)
    yield f"{'#' * depth} `{context.command_path}`"
    yield ""
    yield command.help or ""
    yield ""
    if isinstance(command, Group):
        for inner in command.commands.values():
            yield from _section(context, inner, depth=depth + 1)
        return
    shared = {option.name for option in global_options()}
    own = [parameter for parameter in command.params if parameter.name not in shared]
    usage = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
    yield "```console"
    yield f"headwater {' '.join(context.command_path.split()[1:])} [OPTIONS] {usage}".rstrip()
    yield "```"
    yield ""
    if own:
        yield from _table(context, own)
    if isinstance(command, Command) and command.examples:
        yield "```console"
        yield from (f"$ {example}" for example in command.examples)
        yield "```"
        yield ""


def _table(context: click.Context, parameters: list[click.Parameter]) -> Iterator[str]:
    yield "| parameter | meaning |"
    yield "|---|---|"
    for parameter in parameters:
        if isinstance(parameter, click.Argument):
            name, meaning = parameter.make_metavar(context), parameter.help or ""
        else:
            name, meaning = parameter.get_help_record(context) or ("", "")
        yield f"| `{_cell(name)}` | {_cell(meaning)} |"
    yield ""


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
