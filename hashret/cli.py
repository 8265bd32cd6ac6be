"""The command line: each command is one call of `Engine`, and each option is one field or one keyword.

Exit codes: 0 hits or done, 1 none found, 2 wrong usage or bad input, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import click

import hashret
from hashret.commands.decode import anomaly, denoise
from hashret.commands.dedup import dedup
from hashret.commands.demo import demo
from hashret.commands.exchange import export, import_codes
from hashret.commands.fields import fields
from hashret.commands.find import query, similar
from hashret.commands.judge import check, evaluate, info
from hashret.commands.reencode import reencode
from hashret.commands.report import report
from hashret.commands.serve import serve
from hashret.commands.shell import completion
from hashret.commands.write import add, index, remove
from hashret.shell.group import Group
from hashret.shell.options import examples


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "hashret index notes.db ~/notes  # a folder of texts: learn codes and store them",
        'hashret query notes.db "ideas for the garden"  # the 10 nearest',
        "hashret similar notes.db garden/1.md  # neighbours of an entry that is stored",
        "hashret query --help  # options, and examples of each command",
    ),
)
@click.version_option(hashret.__version__)
def main() -> None:
    """Learn binary codes for your own texts, images or embeddings and search them exactly, in one file."""


for command in (
    index, add, query, similar, remove, dedup, info, fields, evaluate, report, reencode, anomaly, denoise, check,
    export, import_codes, serve, demo, completion,
):  # fmt: skip
    main.add_command(command)
