"""Commands that are declared in one place and carried out in another.

click's own classes bind a command to its function at import; these bind it to
the name of an action, imported when the command runs. They also give every
command the global options, so that an option may stand before or after the
command's name, and a list of examples, which help and reference show.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Final, cast

import click

from headwater.cli.settings import Settings

__all__ = ["Command", "Group", "global_options"]

_setting_names: Final = tuple(field.name for field in fields(Settings))


def global_options() -> list[click.Parameter]:
    """The options that stand before or after any command's name; unset ones are None."""
    return [
        click.Option(
            ["-C", "directory"],
            metavar="DIR",
            type=click.Path(exists=True, file_okay=False),
            help="Work as if started in DIR; headwater.yaml is searched there and upwards.",
        ),
        click.Option(["--env", "environment"], metavar="NAME", help="The environment, instead of the default one."),
        click.Option(["--output"], type=click.Choice(["text", "json"]), help="Form of the output; text by default."),
        click.Option(["--verbose"], is_flag=True, default=None, help="Tell every step, and the cause of a failure."),
        click.Option(
            ["--no-color", "color"],
            is_flag=True,
            flag_value=False,
            type=bool,
            default=None,
            help="No colours; so does the environment variable NO_COLOR.",
        ),
    ]


def take_settings(context: click.Context) -> None:
    """Move the global options from the context's parameters into its settings, over those of the parent."""
    inherited = context.parent.obj if context.parent and context.parent.obj else Settings()
    given = {name: context.params.pop(name) for name in _setting_names if name in context.params}
    context.obj = replace(inherited, **{name: value for name, value in given.items() if value is not None})


class Command(click.Command):
    """A command whose work is done by ``action``, written ``module:function`` below ``headwater.cli.actions``.

    The function takes the settings, then the command's parameters by name, and
    returns the exit code (None is 0).
    """

    def __init__(
        self, name: str, *, action: str, params: Sequence[click.Parameter] = (), examples: Sequence[str] = (), help: str
    ) -> None:
        super().__init__(name, params=[*params, *global_options()], help=help)
        self.action = action
        self.examples = tuple(examples)

    def load(self) -> Callable[..., int | None]:
        """The function that carries the command out."""
        module, _, function = self.action.partition(":")
        return cast(
            "Callable[..., int | None]", getattr(importlib.import_module(f"headwater.cli.actions.{module}"), function)
        )

    def invoke(self, ctx: click.Context) -> int:
        take_settings(ctx)
        try:
            code = self.load()(ctx.obj, **ctx.params) or 0
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_stdout()
            return 0
        return code

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = None if isinstance(parameter, click.Argument) else parameter.get_help_record(ctx)
            if record:
                (shared if parameter.name in _setting_names else own).append(record)
        with formatter.section("Options"):
            formatter.write_dl(own)
        with formatter.section("Global options"):
            formatter.write_dl(shared)
        _write_examples(self.examples, formatter)


class Group(click.Group):
    """Commands under one name, shown in the order in which they are declared."""

    def __init__(
        self,
        name: str,
        *,
        commands: Sequence[click.Command],
        params: Sequence[click.Parameter] = (),
        examples: Sequence[str] = (),
        help: str,
    ) -> None:
        super().__init__(name, commands=commands, params=[*params, *global_options()], help=help)
        self.examples = tuple(examples)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it by this name
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        take_settings(ctx)
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        _write_examples(self.examples, formatter)


def _forget_stdout() -> None:
    """Point stdout at nothing: its reader has gone, and the interpreter would complain when it flushes."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())


def _write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    if not examples:
        return
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{' ' * formatter.current_indent}{example}\n")
