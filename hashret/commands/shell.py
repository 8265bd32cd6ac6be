"""The command that makes a shell complete the others: completion."""

from __future__ import annotations

import click

from hashret.shell.completion import SHELLS, script
from hashret.shell.options import examples


@click.command(
    epilog=examples(
        'eval "$(hashret completion bash)"  # in this shell, or a line of ~/.bashrc',
        "hashret completion zsh >> ~/.zshrc  # after compinit",
        "hashret completion fish > ~/.config/fish/completions/hashret.fish",
    )
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that lets SHELL complete commands, options, choices, files *.db, keys and fields."""
    group = click.get_current_context().find_root().command
    click.echo(script(shell, group), nl=False)
