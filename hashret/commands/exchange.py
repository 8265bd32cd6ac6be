"""Commands between a file and others: export, import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hashret.shell import output
from hashret.shell.notes import note
from hashret.shell.options import DB, WHERE, examples, open_any
from indexer.errors import InvalidInput


@click.command(
    epilog=examples(
        "hashret export docs.db -o copy.jsonl  # index and add read it again",
        "hashret export docs.db --where topic=money --codes  # lines on standard output",
        "hashret export docs.db -o codes.npy  # codes alone, their keys in codes.ids.txt",
    )
)
@DB
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False),
    help="File to write: .jsonl, .parquet; .npy or .npz for codes and keys alone  [JSON lines on standard output]",
)  # fmt: skip
@click.option("--codes", is_flag=True, help="Add each entry's code in hexadecimal to .jsonl and .parquet.")
@WHERE
def export(db: str, out: str | None, codes: bool, where: tuple[str, ...]) -> None:
    """Write the entries of DB to a file that index reads again, or their codes to one that import reads.

    A line has id, text and the fields of meta; Parquet has stored vectors, too. Keys of codes.npy go to codes.ids.txt
    beside it. The file is written whole or not at all.
    """
    from hashret.exchange.export import Export, line
    from hashret.searching import conditions

    with open_any(db) as engine, output.progress() as show:
        asked = conditions(engine.index, where)
        if out is None:
            for one in Export(engine.index, codes or engine.kind == "codes", asked).records():
                click.echo(line(one), nl=False)
            return
        count = engine.export(out, codes, asked, show)
    note(f"{count:,} written to {out}")


@click.command(
    "import",
    epilog=examples(
        "hashret import codes.db codes.npy --ids codes.ids.txt",
        "hashret import codes.db old.faiss  # a binary index of FAISS",
    ),
)
@DB
@click.argument("codes", type=click.Path(dir_okay=False))
@click.option("--ids", metavar="FILE", help="Keys of the codes in their order, .txt (one a line) or .json (a list).")
def import_codes(db: str, codes: str, ids: str | None) -> None:
    """Store the ready-made codes of a file in DB, which has no model: query, similar, check and others work on it.

    CODES is .npy or .npz (packed bits as uint8, or bits 0 and 1), .jsonl with codes in hexadecimal, or a binary index
    of FAISS, whose ids become keys. The same key again is an update.
    """
    from hashret.codefile import CodeFile
    from hashret.exchange.ready import read_ready
    from indexer.schema import holds

    there = holds(db)
    with output.progress() as show:
        if there:
            with CodeFile.open(db) as held:
                found = read_ready(codes, ids, held.bits)
                counts = held.add(found, show)
        else:
            found = read_ready(codes, ids)
            counts = _created(db, found, show)
    line = f"{counts[0]:,} added, {counts[1]:,} updated: codes of {found.bits} bits, read as {found.read_as}"
    note(line)


def _created(db: str, found: Any, show: Any) -> tuple[int, int]:
    """A new file with these codes; none is left if that fails."""
    from hashret.codefile import CodeFile

    if not len(found.codes):
        raise InvalidInput(f"{db}: there are no codes to store: nothing was made")
    made = CodeFile.create(db, found.bits)
    try:
        with made:
            counts: tuple[int, int] = made.add(found, show)
    except InvalidInput:
        Path(db).unlink(missing_ok=True)
        raise
    return counts
