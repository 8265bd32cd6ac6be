"""The group of commands, and what each command has by being in it.

- completion of its arguments and options, by their names in help: `completion`;
- variables of the environment for its options: `environment`;
- -v and -q: `notes`;
- errors in one line, with the word that was meant if there is one, and exit code 2.

A command brings only its examples, as `epilog=examples(...)`.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import click

from hashret.shell import completion, environment, notes
from indexer.errors import HashretError, hint


class Choice(click.Choice[str]):
    """A choice that says which word was probably meant."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """As click has it, and a hint."""
        meant = hint(str(value), map(str, self.choices)).removeprefix("; ")
        return super().get_invalid_choice_message(value, ctx) + (f" {meant[:1].upper()}{meant[1:]}" if meant else "")


class Group(click.Group):
    """The commands of hashret."""

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self.params += notes.options(short=True)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command with all that a command has."""
        environment.name_variables(cmd, name or cmd.name or "")
        for param in cmd.params:
            completion.complete(param)
            if type(param.type) is click.Choice:
                param.type = Choice(param.type.choices, param.type.case_sensitive)
        cmd.params += notes.options()
        super().add_command(cmd, name)

    def main(self, *words: Any, **more: Any) -> Any:
        """Run a command, or complete one where a shell asks for that.

        A file that cannot be read or written, as on a full disk, is told as errors of hashret are. What is written to
        an output that is closed goes nowhere.
        """
        sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
        if completion.VARIABLE in os.environ:
            completion.register()
        try:
            return super().main(*words, **more)
        except OSError as error:
            if notes.verbose():
                traceback.print_exc()
            place = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
            click.echo(f"Error: {place}{error.strerror or error}", err=True)
            sys.exit(2)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors of hashret become one line on standard error and exit code 2, with -v after a trace.

        Variables of the environment are checked first, and told with -v.
        """
        try:
            environment.check(self.commands)
            return super().invoke(ctx)
        except click.MissingParameter:
            raise
        except click.BadParameter as error:
            raise click.BadParameter(error.message + environment.source_of(error), error.ctx, error.param) from error
        except HashretError as error:
            if notes.verbose():
                traceback.print_exc()
            click.echo(f"Error: {error}", err=True)
            command = self.commands.get(ctx.invoked_subcommand or "")
            if command is not None and any(param.name == "on_error" for param in command.params):
                for hint in getattr(error, "__notes__", ()):
                    click.echo(hint, err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("Stopped. What was stored stays stored; the same command goes on from there.", err=True)
            ctx.exit(130)
