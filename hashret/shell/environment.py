"""Options by the environment: HASHRET_COMMAND_OPTION for every option, HASHRET_OPTION for a few of all commands.

The command line goes first, then the variable of the command, then the short one, then the default. Arguments have no
variables: what is read, changed or removed is always said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

import click

from indexer.errors import InvalidInput, hint

PREFIX = "HASHRET_"
SHORT = ("bits", "encoding", "form", "k", "on_error", "seed", "token")  # mean the same in every command that has them
OTHERS = ("HASHRET_DATA", "HASHRET_AMMI", "HASHRET_VDSH_NASH")  # where the project's own benchmarks find things


def name_variables(command: click.Command, name: str) -> None:
    """Give each option of a command its variables."""
    for param in command.params:
        if isinstance(param, click.Option) and param.name and param.expose_value and not param.envvar:
            names = [f"{PREFIX}{name}_{param.name}".upper().replace("-", "_")]
            param.envvar = names + ([f"{PREFIX}{param.name}".upper()] if param.name in SHORT else [])


def variables(commands: Mapping[str, click.Command]) -> dict[str, list[tuple[str, click.Option]]]:
    """Every variable, with the commands and options that it sets."""
    found: dict[str, list[tuple[str, click.Option]]] = {}
    for command, param in _options(commands):
        for variable in _names(param):
            found.setdefault(variable, []).append((command, param))
    return found


def _options(commands: Mapping[str, click.Command]) -> Iterator[tuple[str, click.Option]]:
    """Every option with the name of its command."""
    for name, command in commands.items():
        yield from ((name, param) for param in command.params if isinstance(param, click.Option))


def _names(param: click.Parameter) -> Iterable[str]:
    """The variables of a parameter."""
    return [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()


def check(commands: Mapping[str, click.Command]) -> None:
    """Raise `InvalidInput` for a variable whose option is one of several flags and that names none of them."""
    for variable, params in variables(commands).items():
        words = dict.fromkeys(param.flag_value for _, param in params if isinstance(param.flag_value, str))
        value = os.environ.get(variable)
        if words and value and value not in words:
            raise InvalidInput(f"{variable} is {value!r}: give {', '.join(words)}{hint(value, words)}")


def told(commands: Mapping[str, click.Command]) -> Iterator[str]:
    """A line for each variable that is set, and for each that looks like one of hashret's and is none."""
    known = {*variables(commands), f"{PREFIX}VERBOSE", f"{PREFIX}QUIET"}
    for name, value in sorted(os.environ.items()):
        if name in known:
            yield f"environment: {name}={value}"
        elif name.startswith(PREFIX) and name not in OTHERS:
            yield f"environment: {name} is no variable of hashret{hint(name, known)}"


def source_of(error: click.BadParameter) -> str:
    """The end of a message about a value that came from the environment; empty for one that did not."""
    param, context = error.param, error.ctx
    if param is None or context is None or not param.name:
        return ""
    if context.get_parameter_source(param.name) is not click.core.ParameterSource.ENVIRONMENT:
        return ""
    return next((f" It is from the environment: {name}." for name in _names(param) if os.environ.get(name)), "")
