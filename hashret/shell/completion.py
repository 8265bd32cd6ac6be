"""Completion in bash, zsh and fish: what a shell may offer after <TAB>, by the name that help gives a parameter.

    DB            files *.db; any file where there is none
    KEY           keys of DB
    FIELD         fields of meta in DB; FIELD=VALUE also their values
    PATH, FILE    files

Commands, options and choices are completed by click, and so are the scripts for zsh and fish; that for bash is ours, as
click's loses words with a colon, an equals sign or a space. Nothing here raises or writes, and nothing heavy is loaded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from glob import escape, glob
from typing import Any

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, add_completion_class

VARIABLE = "_HASHRET_COMPLETE"  # tells click to complete
SHELLS = ("bash", "zsh", "fish")
BASH = """\
_hashret_completion() {
    local kind value
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("$value"); if [[ $value == *[=/] ]]; then compopt -o nospace; fi ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F _hashret_completion %(prog_name)s
"""


class Database(click.Path):
    """A file of hashret; a shell completes *.db, and any file where there is none."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Files *.db that begin so."""
        found = sorted(glob(f"{escape(incomplete)}*.db"))
        return [CompletionItem(path) for path in found] or [CompletionItem(incomplete, type="file")]


class Completed(click.ParamType[str]):
    """A text that a shell completes by a function of the command's context and of how the text begins."""

    name = "text"

    def __init__(self, offers: Callable[[click.Context, str], Iterable[str]] | None) -> None:
        self.offers = offers

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """What the function offers, without what no line of a shell can hold; files if there is no function."""
        if self.offers is None:
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(text) for text in self.offers(ctx, incomplete) if text.isprintable()]


def _db(ctx: click.Context) -> str:
    """The file of the command; click leaves words alone where the last one is an option without its value."""
    return str(ctx.params.get("db") or next(iter(ctx.args), ""))


def _keys(ctx: click.Context, start: str) -> list[str]:
    """Keys of DB that are not on the line yet."""
    from indexer import samples

    given = ctx.params.get("keys") or ()
    return [key for key in samples.keys(_db(ctx), start) if key not in given]


def _fields(ctx: click.Context, start: str) -> list[str]:
    """Fields of meta in DB."""
    from indexer import samples

    return samples.fields(_db(ctx), start)


def _conditions(ctx: click.Context, start: str) -> list[str]:
    """FIELD= and then FIELD=VALUE."""
    from indexer import samples

    field, equals, value = start.partition("=")
    if not equals:
        return [f"{name}=" for name in _fields(ctx, start)]
    return [f"{field}={found}" for found in samples.values(_db(ctx), field, value)]


OFFERS: dict[str, Callable[[click.Context, str], Iterable[str]] | None] = {
    "key": _keys,
    "field": _fields,
    "field=value": _conditions,
    "where": _conditions,
    **dict.fromkeys(("path", "file", "image", "query", "ids")),
}


def complete(param: click.Parameter) -> None:
    """Let a shell complete this parameter if its text is of a known sort."""
    for name in (param.metavar, param.name):
        sort = (name or "").strip("[].").casefold()
        if param.type is click.STRING and sort in OFFERS:
            param.type = Completed(OFFERS[sort])


class Bash(BashComplete):
    """Completion by the line up to the cursor, so that words hold what bash would break or quote."""

    source_template = BASH

    def complete(self) -> str:
        """One `kind,value` a line, each value as it has to stand in place of the last part of the word."""
        line = os.environ["COMP_WORDS"]
        words = click.shell_completion.split_arg_string(line + "x")  # so that there is a last word
        incomplete = words.pop()[:-1]
        found = self.get_completions(words[1:], incomplete)
        if line.count('"') % 2 or line.count("'") % 2:
            return "\n".join(f"{item.type},{item.value}" for item in found)
        breaks = set(os.environ.get("COMP_WORDBREAKS", "")) & set("=:")
        kept = max((incomplete.rfind(mark) + 1 for mark in breaks), default=0)
        return "\n".join(f"{item.type},{_quoted(str(item.value)[kept:])}" for item in found)


class Fish(FishComplete):
    """Completion with values that have commas."""

    def source(self) -> str:
        """Click's script, splitting at the first comma only."""
        return super().source().replace('string split ","', 'string split -m 1 ","')


def _quoted(text: str) -> str:
    """A part of a word with a backslash before what bash would take for its own."""
    return re.sub(r"""([\s'"\\$`&|;<>(){}*?\[\]!#])""", r"\\\1", text)


def register() -> None:
    """Make these two click's own."""
    add_completion_class(Bash)
    add_completion_class(Fish)


def script(shell: str, group: click.Command) -> str:
    """What a shell has to read to complete `hashret`."""
    register()
    found: type[ShellComplete] | None = click.shell_completion.get_completion_class(shell)
    assert found is not None, shell
    return found(group, {}, "hashret", VARIABLE).source()
