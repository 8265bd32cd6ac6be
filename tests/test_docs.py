"""The README is true: help texts, Python blocks, SQL and figures are what the program prints.

`python -m tests.test_docs` writes help texts and figures into the README, and the generated pages into docs/.
"""

import re
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from docs import pages
from hashret.cli import main

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
RESULTS = (
    "text", "vectors", "rerank", "engine", "later", "images", "pictures", "origin", "queries", "throughput",
    "ablation", "few", "family", "decoder", "reduction",
    "search", "search-pairs", "search-limits", "search-changes", "search-whole", "search-regret",
    "dedup", "filters", "store", "start",
)  # fmt: skip


def help_texts() -> str:
    """Every command's help, as the README shows it."""
    blocks = []
    for words in ([], *([name] for name in main.commands)):
        shown = CliRunner().invoke(main, [*words, "--help"], prog_name="hashret", terminal_width=100).output
        blocks.append(f"```text\n$ {' '.join(['hashret', *words, '--help'])}\n{shown}```")
    return "\n\n".join(blocks)


def figures() -> str:
    """Every stored table of the benchmarks."""
    return "\n\n".join((ROOT / "benchmarks" / "results" / f"{name}.md").read_text().strip() for name in RESULTS)


def between(text: str, name: str) -> str:
    """What stands between `<!-- name: ... -->` and the next `<!-- end -->`."""
    return re.search(rf"<!-- {name}:[^>]*-->\n(.*?)<!-- end -->", text, re.DOTALL)[1].strip()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def test_help_texts_are_those_of_the_program():
    assert between(README.read_text(), "help") == help_texts()


def test_figures_are_those_of_the_benchmarks():
    assert between(README.read_text(), "figures") == figures()


def test_every_option_has_a_help_text():
    for command in main.commands.values():
        assert command.help, command.name
        for parameter in command.params:
            assert parameter.param_type_name == "argument" or parameter.help, (command.name, parameter.name)


@pytest.mark.slow
def test_python_and_sql_blocks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"note/\d+ \d+ \w+ \w+", printed[0])
    assert printed[1].split(":")[0] in ("scan", "multi-index")
    connection = sqlite3.connect("notes.db")
    statements = [part for part in "".join(blocks("sql")).split(";") if part.strip()]
    assert [len(connection.execute(part).fetchall()) > 0 for part in statements] == [True, True, True]
    connection.close()


def test_the_file_tour_names_every_file():
    tour = README.read_text().split("## File tour")[1]
    for path in [*(ROOT / "indexer").rglob("*.py"), *(ROOT / "hashret").rglob("*.py")]:
        room = path.parent.relative_to(ROOT)
        name, told = path.name, tour
        if len(room.parts) > 1:
            name, told = path.stem, next(row for row in tour.splitlines() if f"`{room.as_posix()}/`" in row)
        assert name.startswith("__") or re.search(rf"\b{re.escape(name)}\b", told), path


def test_links_lead_somewhere():
    text = README.read_text()
    headings = {line.lstrip("# ").lower().replace(" ", "-") for line in text.splitlines() if line.startswith("#")}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target[1:] in headings if target.startswith("#") else (ROOT / target).exists(), target


def write() -> None:
    """Put help texts and figures into the README."""
    text = README.read_text()
    for name, content in (("help", help_texts()), ("figures", figures())):
        head, tail = re.split(rf"(?<=<!-- {name}:)", text, maxsplit=1)
        mark, _, rest = tail.partition("-->\n")
        text = f"{head}{mark}-->\n{content}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    README.write_text(text)
    pages.write()


if __name__ == "__main__":
    write()
