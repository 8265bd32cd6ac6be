"""Commands that write: index, add, remove."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click

from hashret.settings import Settings
from hashret.shell import output
from hashret.shell.notes import note
from hashret.shell.options import (
    DB,
    EMBED,
    PATHS,
    each_key,
    examples,
    open_any,
    open_engine,
    options_of,
    read_options,
    source_of,
)
from indexer.errors import HashretError, Mismatch
from indexer.vectors import FORMS, form_of


@click.command(
    epilog=examples(
        "hashret index notes.db ~/notes  # a folder of .txt, .md or .pdf",
        "hashret index docs.db docs.jsonl --bits 128  # rows: text, id, other fields are meta",
        "hashret index photos.db ~/photos --store-vectors  # a folder of pictures",
        "hashret index vectors.db embeddings.npy --ids ids.txt  # embeddings that you have",
    )
)
@DB
@PATHS
@read_options
@options_of(Settings)
@click.option(
    "--store-vectors", is_flag=False, flag_value="float16", type=click.Choice(FORMS),
    help="Images, embeddings, --embed: keep vectors to rerank with; int8 takes about half the bytes [float16].",
)  # fmt: skip
@EMBED
@click.option(
    "--prune",
    is_flag=True,
    help="Remove what DB has and PATH... has not, as files that are gone.",
)
def index(
    db: str, paths: tuple[str, ...], store_vectors: str | None, embed: str | None, prune: bool, **options: Any
) -> None:
    """Train if DB has no model, then encode and store PATH...; run it again after changes.

    PATH is a folder, a file (.txt .md .pdf .jsonl .csv .tsv .parquet .png .jpg .npy .npz, SQLite with --sql) or - for
    lines of standard input. Stopped in the middle, the same command goes on.
    """
    from hashret.engine import Engine
    from indexer.schema import holds

    chosen = {item.name: options.pop(item.name) for item in fields(Settings)}
    settings = Settings(**chosen)
    source = source_of(paths, options)
    with output.progress() as show:
        if holds(db):
            with Engine.open(db, embed=embed) as engine:
                _same_settings(db, engine.hasher.settings, chosen)
                _same_vectors(db, form_of(engine.index.store.fact("vectors")), store_vectors)
                counts = engine.add(source, show)
                pruned = engine.prune(source.keys) if prune and not source.nameless else 0
        else:
            pruned = 0
            kept = store_vectors or False
            try:
                with Engine.fit(db, source, settings, vectors=kept, progress=show, embed=embed) as engine:
                    counts = engine.counts
            except HashretError:
                _report_skipped(source)  # which may be all there was
                raise
    _report(counts, source)
    if prune:
        note("nothing pruned: what was skipped may be stored" if source.nameless else f"{pruned:,} pruned")


@click.command(
    epilog=examples(
        "hashret add docs.db new.jsonl",
        "hashret add notes.db ~/notes --glob '**/*.md'  # what is unchanged is skipped",
        "cat ideas.txt | hashret add notes.db -  # an entry a line",
    )
)
@DB
@PATHS
@read_options
@EMBED
def add(db: str, paths: tuple[str, ...], embed: str | None, **options: Any) -> None:
    """Encode and store PATH... with the model that DB has; what is unchanged is skipped."""
    source = source_of(paths, options)
    with open_engine(db, embed=embed) as engine, output.progress() as show:
        _report(engine.add(source, show), source)


@click.command(
    epilog=examples(
        "hashret remove notes.db garden/1.md kitchen/2.md",
        "hashret dedup docs.db --ids | hashret remove docs.db -  # near duplicates, but one of each group",
    )
)
@DB
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
def remove(db: str, keys: tuple[str, ...]) -> None:
    """Remove entries by key; if one of them is not there, none is removed.

    A KEY of - stands for one key a line of standard input.
    """
    with open_any(db) as engine:
        count = engine.remove(list(dict.fromkeys(each_key(keys))))
    note(f"{count:,} removed")


def _same_settings(db: str, trained: Settings, chosen: dict[str, Any]) -> None:
    """Raise `Mismatch` if a setting was asked for that DB's model was not trained with."""
    context = click.get_current_context()
    for name, value in chosen.items():
        asked = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if asked and value != getattr(trained, name):
            there = getattr(trained, name)
            raise Mismatch(
                f"{db}: its model was trained with {name} {there}, not {value}: "
                "`hashret reencode` trains another beside it, or index into a new file"
            )


def _same_vectors(db: str, kept: str, asked: str | None) -> None:
    """Raise `Mismatch` if vectors were asked for in another form than DB keeps them in."""
    if asked not in (None, kept):
        keeps = "no vectors" if kept == "none" else f"vectors as {kept}"
        raise Mismatch(f"{db}: keeps {keeps}, not as {asked}: leave --store-vectors out, or index into a new file")


def _report(counts: Any, source: Any) -> None:
    """What was stored, and what was passed over, on standard error."""
    line = f"{counts.added:,} added, {counts.updated:,} updated, {counts.unchanged:,} unchanged"
    note(line + (f", {source.skipped:,} skipped" if source.skipped else ""))
    _report_skipped(source)


def _report_skipped(source: Any) -> None:
    """The first problems of entries that were passed over."""
    for problem in source.problems[:10]:
        note(f"skipped: {problem}")
