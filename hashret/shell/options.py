"""What commands share: examples, options from the fields of a dataclass, those of several commands, engines opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hashret.shell.completion import Database

if TYPE_CHECKING:
    from hashret.codefile import CodeFile
    from hashret.engine import Engine
    from hashret.inputs import Source

Command = TypeVar("Command", bound=Callable[..., Any])
DB = click.argument("db", type=Database())
MODEL = click.option(
    "--model", metavar="DIGEST", help="By this model of DB: how its digest begins, or beside [the one in use]."
)
EMBED = click.option(
    "--embed", metavar="MODEL", help="A sentence-transformers model, by folder or name: codes are of its vectors."
)
PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...")
WHERE = click.option(
    "--where", multiple=True, metavar="CONDITION",
    help="Only entries whose meta matches: lang=en, year>=2000, 'lang in (en, de) and not x=null'; may be repeated.",
)  # fmt: skip


def examples(*lines: str) -> str:
    """Command lines as the epilog of a command, their comments in one column; tests run each of them, in order."""
    parts = [line.partition("  # ") for line in lines]
    width = max((len(line) for line, mark, _ in parts if mark), default=0)
    shown = [f"  {line:<{width}}{mark}{comment}" if mark else f"  {line}" for line, mark, comment in parts]
    return "\n".join(("\b", "Examples:", *shown))


def example_lines(command: click.Command) -> list[str]:
    """The command lines of a command's epilog."""
    return [line.strip() for line in (command.epilog or "").partition("Examples:\n")[2].splitlines()]


class _Widths(click.ParamType[tuple[int, ...]]):
    """Whole numbers with commas between; 0 for none."""

    name = "widths"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """A tuple of the numbers; those that are none end the command with usage."""
        if isinstance(value, tuple):
            return value
        if not all(part.strip().isdigit() for part in value.split(",")):
            self.fail(f"{value!r} is no list of widths: write 500,250, or 0 for none", param, ctx)
        return tuple(int(part) for part in value.split(",") if int(part))


def options_of(kind: type, skip: tuple[str, ...] = (), usual: bool = True) -> Callable[[Command], Command]:
    """One option a field of a dataclass, with the help text and limits of its metadata; `usual` shows its default."""

    def add(command: Command) -> Command:
        for item in reversed([item for item in fields(kind) if item.name not in skip]):
            shown = usual and item.default not in (None, "", False, ())
            flag = {"is_flag": True} if item.type == "bool" else {"type": _type(str(item.type), item.metadata)}
            if "metavar" in item.metadata:
                flag = {"multiple": True, "metavar": item.metadata["metavar"]}
            name, text = "--" + item.name.replace("_", "-"), item.metadata["help"]
            option = click.option(name, item.name, default=item.default, help=text, show_default=shown, **flag)
            command = option(command)
        return command

    return add


def _type(kind: str, limits: Any) -> Any:
    """What click makes of the text of a field."""
    if limits.get("choices"):
        return click.Choice(limits["choices"])
    if kind.startswith("tuple"):
        return _Widths()
    if limits.get("low") is None:
        return str
    return (click.IntRange if "int" in kind else click.FloatRange)(limits["low"], limits["high"])


def read_options(command: Command) -> Command:
    """The options of reading, from `ReadOptions`."""
    from hashret.inputs import ReadOptions

    return options_of(ReadOptions)(command)


def output_options(*names: str) -> Callable[[Command], Command]:
    """Flags that choose the form of the rows printed."""
    texts = {"json": "JSON lines.", "csv": "CSV with a header.", "tsv": "TSV with a header.", "ids": "Keys only."}

    def add(command: Command) -> Command:
        for name in reversed(names):
            command = click.option(f"--{name}", "form", flag_value=name, help=texts[name])(command)
        return command

    return add


def search_options(command: Command) -> Command:
    """Options that every search has."""
    for option in reversed(
        (
            click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="How many to find."),
            click.option(
                "-r", "--radius", type=click.IntRange(0), help="All within so many flipped bits; 0: the same code."
            ),
            WHERE,
            click.option(
                "--rerank/--no-rerank", default=True, show_default=True, help="Order by the real-valued query."
            ),
            MODEL,
            click.option("--why", is_flag=True, help="Tell of each hit which bits differ and what they mean."),
            click.option("--explain", is_flag=True, help="Print how the search is done, why, and how long it takes."),
        )
    ):
        command = option(command)
    return command


def open_engine(db: str, model: str | None = None, embed: str | None = None) -> Engine:
    """The engine of an existing file, by the model in use or another; `embed` where the maker of its vectors moved."""
    from hashret.engine import Engine

    return Engine.open(db, model=model, embed=embed)


def open_any(db: str, model: str | None = None, embed: str | None = None) -> Engine | CodeFile:
    """The engine of an existing file, or what answers for ready-made codes without a model."""
    from hashret.codefile import CodeFile
    from hashret.engine import Engine, NoModel

    try:
        return Engine.open(db, model=model, embed=embed)
    except NoModel:
        return CodeFile.open(db)


def source_of(paths: tuple[str, ...], options: dict[str, Any]) -> Source:
    """The entries of the paths."""
    from hashret.inputs import ReadOptions, Source

    return Source(paths, ReadOptions(**options))


def each_key(keys: Iterable[str]) -> Iterator[str]:
    """Keys as they are given, those of standard input in the place of -."""
    from hashret.inputs.text import standard_input

    for key in keys:
        if key == "-":
            lines = standard_input("keys").read().decode("utf-8", "surrogateescape").split("\n")
            yield from (line.removesuffix("\r") for line in lines if line.strip("\r"))
        else:
            yield key
