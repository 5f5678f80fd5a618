"""The declared commands fit the actions that carry them out, and tell how they are used."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click
import pytest

from headwater.cli.command import Command, Group, global_options
from headwater.cli.grammar import headwater


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, Command]]:
    for name, command in group.commands.items():
        if isinstance(command, Group):
            yield from commands(command, f"{path}{name} ")
        else:
            assert isinstance(command, Command)
            yield f"{path}{name}", command


COMMANDS = dict(commands(headwater))
SHARED = {option.name for option in global_options()}


@pytest.mark.parametrize("path", COMMANDS)
def test_an_action_takes_exactly_what_its_command_declares(path: str) -> None:
    command = COMMANDS[path]
    settings, *taken = inspect.signature(command.load()).parameters
    declared = [parameter.name for parameter in command.params if parameter.name not in SHARED]
    assert settings == "settings"
    assert sorted(taken) == sorted(name for name in declared if name)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_parameter_is_described_and_has_an_example(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    assert command.examples
    assert all(example.startswith(("headwater ", 'eval "$(headwater')) for example in command.examples)
    for parameter in command.params:
        assert isinstance(parameter, click.Argument | click.Option)
        assert parameter.help, f"{path}: {parameter.name}"


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_is_a_command_line_that_parses(path: str) -> None:
    import shlex

    for example in COMMANDS[path].examples:
        words = shlex.split(example)
        if words[0] != "headwater" or "|" in words:
            continue
        given = [word for word in words[1:] if word not in ("-C", "examples/airline", "~/exports")]
        given = [word for word in given if word not in ("--from", "files")]
        context = headwater.make_context("headwater", given, resilient_parsing=True)
        assert context is not None


def test_help_fits_a_line_in_the_list_of_commands() -> None:
    context = click.Context(headwater, info_name="headwater")
    _usage, *lines = headwater.get_help(context).splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line.endswith("...")]
