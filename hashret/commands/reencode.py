"""The command that gives a file a new model beside the one in use, compares the two, and switches: reencode."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import click

from hashret.settings import Settings
from hashret.shell import output
from hashret.shell.notes import note
from hashret.shell.options import DB, examples, open_engine, options_of, output_options, read_options, source_of
from indexer.errors import InvalidInput

if TYPE_CHECKING:
    from hashret.engine import Engine
    from hashret.evaluate import Comparison

SHOWN = 5  # queries whose answers changed, on a terminal
ACTIONS = ("compare", "promote", "drop")
JUDGED = ("label", "qrels", "queries", "k", "changed", "form")


@click.command(
    epilog=examples(
        "hashret reencode docs.db --bits 128  # a new model beside the one in use",
        "hashret reencode docs.db --compare  # how answers differ, and if they are better",
        "hashret reencode docs.db --promote  # use it, and keep the old one beside",
        "hashret reencode docs.db --drop  # remove the one that is not in use",
    )
)
@DB
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--model", metavar="FILE", type=click.Path(), help="Take this model, saved by Hasher.save: no training.")
@click.option("--compare", is_flag=True, help="Report how answers differ; --sample queries, drawn by --seed.")
@click.option("--promote", is_flag=True, help="Use the model beside; the other stays beside, to go back to.")
@click.option("--drop", is_flag=True, help="Remove the model that is not in use.")
@click.option("--label", metavar="FIELD", help="Compare: relevant is what has the same value of this field.")
@click.option("--qrels", metavar="FILE", help="Compare: grades: query, 0, key, grade, as TREC has them.")
@click.option("--queries", metavar="FILE", help="Compare: texts for --qrels: .jsonl with ids, or .tsv of id and text.")
@click.option("-k", type=click.IntRange(1), help="Compare: so many answers to a query [10].")
@click.option("--changed", type=click.IntRange(1), help="Compare: print the so many queries that changed most.")
@read_options
@options_of(Settings, usual=False)
@output_options("json", "csv", "tsv")
def reencode(db: str, **given: Any) -> None:
    """Train a new model beside the one of DB and encode every entry by it; compare the two; switch.

    The model in use goes on answering, and what is added meanwhile is encoded by both. Options of training are those
    of index; what is not given is as in the model in use. PATH... is for images and embeddings whose vectors are not
    stored: those are encoded again from their files.
    """
    asked = {name: value for name, value in given.items() if _was_given(name)}
    actions = [name for name in ACTIONS if asked.pop(name, False)]
    _check_options(actions, asked)
    with open_engine(db) as engine:
        if actions == ["compare"]:
            _compare(engine, asked)
        elif actions == ["promote"]:
            with output.progress() as show:
                engine.promote(show)
            note(f"model {engine.hasher.digest[:12]} is in use; the other stays beside until --drop")
        elif actions == ["drop"]:
            gone = engine.models()[-1].digest[:12]
            engine.drop()
            note(f"model {gone} was dropped")
        else:
            _reencode(engine, given, asked)


def _was_given(name: str) -> bool:
    """Whether an argument stands on the command line."""
    return click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _from_variable(name: str) -> bool:
    """Whether it comes from the environment."""
    return click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.ENVIRONMENT


def _check_options(actions: list[str], asked: dict[str, Any]) -> None:
    """Raise `InvalidInput` for options that do not go together."""
    if len(actions) > 1:
        raise InvalidInput(f"--{actions[0]} and --{actions[1]}: give one of the two")
    allowed = {"compare": (*JUDGED, "sample", "seed"), "promote": (), "drop": ()}
    training = {item.name for item in fields(Settings)}
    for name in asked:
        shown = "PATH" if name == "paths" else "-k" if name == "k" else f"--{name.replace('_', '-')}"
        if actions and name not in allowed[actions[0]]:
            raise InvalidInput(f"--{actions[0]} takes no {shown}: leave it out")
        if not actions and name in JUDGED:
            raise InvalidInput(f"{shown if name != 'form' else '--' + asked[name]} is for --compare: give that as well")
        if "model" in asked and name in training:
            raise InvalidInput(f"--model is a trained model, which {shown} cannot change: leave one of the two out")


def _reencode(engine: Engine, given: dict[str, Any], asked: dict[str, Any]) -> None:
    """Train or load, and encode."""
    from hashret.generations import settings_beside
    from hashret.hasher import Hasher
    from hashret.inputs import ReadOptions

    settings = [item.name for item in fields(Settings)]
    chosen = {name: given[name] for name in settings if name in asked or (not given["model"] and _from_variable(name))}
    model = settings_beside(engine.hasher, chosen) if chosen else None
    reading = {item.name: given[item.name] for item in fields(ReadOptions)}
    source = source_of(given["paths"], reading) if given["paths"] else None
    with output.progress() as show:
        made = engine.reencode(Hasher.load(given["model"]) if given["model"] else model, source, show)
    line = f"model {made.digest[:12]} of {made.bits} bits stands beside: {made.encoded:,} of {made.entries:,} encoded"
    rest = "--compare, --promote or --drop it" if made.complete else "give PATH... of the others"
    note(f"{line}; next: {rest}")


def _compare(engine: Engine, asked: dict[str, Any]) -> None:
    """Print a comparison."""
    from hashret.evaluate import Judgements, Options, compare

    judgements = Judgements(None, *(asked.get(name) for name in ("label", "qrels", "queries")))
    drawn = {name: asked[name] for name in ("sample", "seed") if name in asked}
    with output.progress() as show:
        found = compare(engine, judgements, Options(k=(asked.get("k", 10),), **drawn), show)
    form, most = asked.get("form"), asked.get("changed")
    if form or not sys.stdout.isatty():
        output.write([asdict(one) for one in found.changed[:most]] if most else found.rows(), form)
    else:
        _tables(engine, found, most)
    for line in (*found.notes, found.verdict):
        note(line)


def _tables(engine: Engine, found: Comparison, most: int | None) -> None:
    """A comparison for the eye."""
    from hashret.evaluate.tables import compared

    if not most:
        for title, rows in compared(found, shutil.get_terminal_size().columns):
            output.table(rows, title)
    rows = []
    for one in found.changed[: most or SHOWN]:
        lost, gained = (_shown(engine, keys) for keys in (one.lost, one.gained))
        rows.append({"query": one.content or one.key, "overlap": one.overlap, "lost": lost, "gained": gained})
    output.table(rows, "answers that changed most: the first that is lost, and gained")


def _shown(engine: Engine, keys: tuple[str, ...]) -> str:
    """The text of the first of these entries, or its key."""
    return (engine.get(keys[0]).content or keys[0]) if keys else ""
