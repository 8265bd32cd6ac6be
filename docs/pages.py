"""Pages and tables that come from the program: a page a command, their list, and the variables of the environment.

`write()` puts them into docs/; `python -m tests.test_docs` calls it, and a test compares.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from hashret.cli import main
from hashret.shell import environment
from hashret.shell.options import example_lines

DOCS = Path(__file__).parent
EXITS = """\
| code | when |
|---|---|
| 0 | found something, or done |
| 1 | found nothing; `check`: something is wrong |
| 2 | wrong usage or bad input; nothing was changed |
| 130 | stopped by Ctrl-C; what was stored stays |"""


def pages() -> dict[Path, str]:
    """Every generated page, and the others with their generated tables."""
    made = {DOCS / "commands" / f"{name}.md": command_page(name, command) for name, command in main.commands.items()}
    for page, name, table in (("environment.md", "variables", variables()), ("index.md", "commands", commands())):
        made[DOCS / page] = replaced((DOCS / page).read_text(), name, table)
    return made


def replaced(text: str, name: str, content: str) -> str:
    """A text with this content between `<!-- name: ... -->` and the next `<!-- end -->`."""
    return re.sub(rf"(<!-- {name}:[^>]*-->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{content}\n{m[2]}", text, flags=re.S)


def command_page(name: str, command: click.Command) -> str:
    """A command as manual pages have it."""
    context = click.Context(command, info_name=f"hashret {name}", help_option_names=["-h", "--help"])
    usage = " ".join([f"hashret {name}", *command.collect_usage_pieces(context)])
    options = [_option(param, context) for param in command.get_params(context) if isinstance(param, click.Option)]
    examples = "\n".join(f"$ {line}" for line in example_lines(command))
    sections = {
        "NAME": f"hashret {name}: {_summary(command)}",
        "SYNOPSIS": f"```text\n{usage}\n```",
        "DESCRIPTION": _paragraphs(command.help or ""),
        "OPTIONS": "\n".join(options),
        "EXAMPLES": f"```console\n{examples}\n```\n\nThe files that these speak of are [made here](../samples.md).",
        "ENVIRONMENT": f"`HASHRET_{name.upper()}_OPTION` sets an option, as [Environment](../environment.md) tells.",
        "EXIT STATUS": EXITS,
        "SEE ALSO": "[All commands](../index.md)",
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"# hashret {name}\n\n{body}\n"


def _summary(command: click.Command) -> str:
    """The first sentence, as the page's one line."""
    first = _paragraphs(command.help or "").partition("\n\n")[0].replace("\n", " ")
    return first[:1].lower() + first[1:].rstrip(".")


def _paragraphs(text: str) -> str:
    """A docstring with its lines as they are, and what Markdown would take for its own kept from it."""
    return re.sub(r"([*<_])", r"\\\1", re.sub(r"\n +", "\n", text.strip()))


def _option(param: click.Option, context: click.Context) -> str:
    """An option as a line of a list."""
    names, text = param.get_help_record(context) or ("", "")
    return f"- `{names}`: {_paragraphs(re.sub(r'  +', ' ', text))}"


def commands() -> str:
    """The list of all commands, each with its first sentence."""
    rows = [f"| [{name}](commands/{name}.md) | {_summary(one)} |" for name, one in sorted(main.commands.items())]
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def variables() -> str:
    """Short variables, then the rest by command."""
    found = environment.variables(main.commands)
    short = [f"HASHRET_{name}".upper() for name in environment.SHORT]
    rows = ["| variable | sets |", "|---|---|"]
    for name in short:
        rows.append(f"| `{name}` | {_sets(found[name])} |")
    rows += ["| `HASHRET_QUIET`, `HASHRET_VERBOSE` | `--quiet`, `--verbose` of every command |"]
    for command in sorted(main.commands):
        own = [name for name, params in found.items() if name not in short and {one for one, _ in params} == {command}]
        if own:
            rows.append(f"| {' '.join(f'`{name}`' for name in own)} | {_sets(found[own[0]], own)} |")
    return "\n".join(rows)


def _sets(params: list[tuple[str, click.Option]], own: list[str] | None = None) -> str:
    """The option, or for many variables the command."""
    names = ", ".join(dict.fromkeys(f"`{name}`" for name, _ in params))
    return f"the options of {names}" if own else f"{_flags(params)} of {names}"


def _flags(params: list[tuple[str, click.Option]]) -> str:
    """The flags of a variable; those of one name, as --json and --csv, together."""
    return ", ".join(dict.fromkeys(f"`{param.opts[-1]}`" for _, param in params))


def write() -> None:
    """Write every generated page."""
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write()
