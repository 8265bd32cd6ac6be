"""The pages of docs/ are true: their commands print what they show, links lead somewhere, tables are the program's.

A block `console` holds commands after `$ `, each followed by what it prints, if that is shown; a block `text` after a
block `python` is what that prints. `...` stands for anything. The blocks of a page run in order, in one folder.
"""

import contextlib
import io
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from docs import build, pages
from tests import examples

ROOT = Path(__file__).resolve().parents[1]
TOLD = sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in ("family.md", "index.md", "limits.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    examples.prepare(folder)
    return folder


def same(shown: str, printed: str) -> bool:
    """Whether what is printed is what is shown, `...` standing for anything."""
    wanted = ".*".join(map(re.escape, shown.rstrip("\n").split("...")))
    return re.fullmatch(wanted, printed.rstrip("\n"), re.DOTALL) is not None


def commands(block: str) -> list[tuple[str, str]]:
    """Each command of a block, and what is shown after it."""
    return [tuple(part.partition("\n")[::2]) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def run_python(block: str, names: dict, folder: Path) -> str:
    """What a block prints."""
    out, before = io.StringIO(), Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(block, "page", "exec"), names)
    finally:
        os.chdir(before)
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("page", TOLD, ids=lambda path: path.stem)
def test_what_a_page_shows_is_what_happens(page, prepared, tmp_path):
    examples.copy(prepared, tmp_path, databases=True)
    names, printed, done = {}, None, 0
    for language, block in BLOCK.findall(page.read_text()):
        if language == "console":
            for line, shown in commands(block):
                code, told = examples.run(line, tmp_path)
                assert code == 0, (line, told)
                assert not shown or same(shown, told), (line, told)
                done += 1
        elif language == "python":
            printed = run_python(block, names, tmp_path)
            done += 1
        elif language == "text" and printed is not None:
            assert same(block, printed), printed
        printed = printed if language == "python" else None
    assert done or "```" not in page.read_text()


def test_a_page_that_is_wrong_is_found():
    assert same("a ... c\n", "a b\nb c\n")
    assert not same("a ... c\n", "a b")
    assert not same("a\n", "a\nb\n")
    assert commands("$ one\n1\n2\n$ two\n") == [("one", "1\n2\n"), ("two", "")]


def test_generated_pages_are_those_of_the_program():
    for path, text in pages.pages().items():
        assert path.read_text() == text, f"{path}: run python -m tests.test_docs"
    told = {path for path in pages.pages() if path.parent.name == "commands"}
    assert set((ROOT / "docs" / "commands").iterdir()) == told


class Links(HTMLParser):
    """Where a page leads, and the ids it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets, self.ids, self.loads = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        for name, value in attributes:
            if name == "id":
                self.ids.add(value)
            elif name in ("href", "src"):
                (self.targets if tag == "a" else self.loads).append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    build.build(folder)
    return {path: Links(path.read_text()) for path in folder.rglob("*.html")}


def test_every_link_of_the_site_leads_somewhere(site):
    outside = 0
    for path, links in site.items():
        for target in links.targets:
            file, _, part = target.partition("#")
            place = (path.parent / file).resolve() if file else path
            if file.startswith("https://"):
                outside += 1
            elif place.suffix == ".html":
                assert place in site, (path, target)
                assert not part or part in site[place].ids, (path, target)
            else:  # of the README: files of the repository, which the site does not have
                assert path.name == "manual.html"
                assert (ROOT / file).exists(), (path, target)
    assert outside < 10


def test_the_site_loads_nothing_from_elsewhere(site):
    for path, links in site.items():
        for load in links.loads:
            assert (path.parent / load).is_file(), load
        assert "<script" not in path.read_text()
    style = (ROOT / "docs" / "style.css").read_text()
    assert "http" not in style
    assert "prefers-color-scheme: dark" in style


def test_every_page_is_in_the_site(site):
    names = {path.name for path in site}
    assert {f"{path.stem}.html" for path in (ROOT / "docs").rglob("*.md")} | {"manual.html"} == names
