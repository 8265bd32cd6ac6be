import dataclasses
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.report import write_report
from hashret.report.gathered import gather
from hashret.report.page import HERE, page
from hashret.rows import Sparse
from hashret.settings import Settings
from indexer.errors import InvalidInput
from tests.hashret.conftest import FAST, make_entries
from tests.hashret.terminal import run

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\0 'quoted' \"twice\" </style></title>"
ALL = ["summary", "quality", "distances", "buckets", "neighbours", "training", "model", "atlas"]
LOOK = """({
  width: document.documentElement.scrollWidth,
  wide: [...document.querySelectorAll("body *")].filter((one) => !one.closest(".scroll"))
    .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map((one) => one.outerHTML.slice(0, 80)),
  broken: [...document.images].filter((one) => one.complete && !one.naturalWidth).length,
  background: getComputedStyle(document.body).backgroundColor,
})"""


class Reader(HTMLParser):
    """Tags in order; every end must fit the last open tag."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.tags, self.heads, self.ids, self.images = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag in ("h1", "h2", "h3"):
            self.heads.append(int(tag[1]))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def made(engine) -> str:
    return page(gather(engine, "docs.db"))


def names(reader: Reader) -> set[str]:
    return {name for name, _ in reader.tags}


@pytest.fixture(scope="module")
def text(stored):
    with Engine.open(stored) as engine:
        return made(engine)


def test_all_sections_are_there_and_linked(text):
    reader = read(text)
    assert [given["id"] for name, given in reader.tags if name == "section"] == ALL
    assert [given["href"] for name, given in reader.tags if name == "a"] == [f"#{anchor}" for anchor in ALL]
    assert len(reader.ids) == len(set(reader.ids))
    assert [f"bit-{bit}" for bit in range(32)] == [one for one in reader.ids if one.startswith("bit-")]


def test_it_asks_nothing_of_any_other_place_and_runs_nothing(text):
    reader = read(text)
    assert not names(reader) & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for _, given in reader.tags:
        assert not [name for name in given if name.startswith("on")]
        for name in ("src", "href"):
            assert given.get(name, "#").startswith(("#", "data:image/"))
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_it_can_be_read_aloud(text):
    reader = read(text)
    assert reader.heads[0] == 1
    assert reader.heads.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(reader.heads, reader.heads[1:], strict=False))
    for name, given in reader.tags:
        if name == "svg":
            assert given["role"] == "img"
            assert given["aria-label"]
        if name == "img":
            assert given["alt"]
        if name == "th":
            assert given["scope"] in ("col", "row")
    assert text.count("<table>") == text.count("<caption>") == text.count("<thead>")


def test_figures_are_those_of_the_engine(text, stored):
    with Engine.open(stored) as engine:
        found = gather(engine, "docs.db")
    assert f"<b>{found.survey.quality.effective:.1f}</b>" in text
    assert f"<b>{found.survey.quality.balance:.3f}</b>" in text
    assert "<b>120</b>" in text
    assert "docs.db: what its bits tell" in text
    for bit in found.meaning.bits:
        card = text.split(f'id="bit-{bit.number}"')[1].split("</article>")[0]
        assert f"clarity {bit.clarity:.2f}" in card or not (bit.on.terms or bit.off.terms)
        assert ", ".join(bit.on.terms[:8]) in card
        assert ", ".join(bit.off.terms[:8]) in card
    points = found.curve.points()["stage 1"]
    assert f"{points[0][1]:.3f} at first, {points[-1][1]:.3f} in the end." in text


def test_nothing_that_is_stored_can_break_out(hasher, vector_hasher, vectors):
    with Engine.create(":memory:", hasher) as engine:
        engine.add(
            [Entry(f"{EVIL.replace(chr(0), '')}{n}", f"{EVIL} rocket moon", {EVIL[:20]: EVIL}) for n in range(9)]
        )
        texts = made(engine)
    with Engine.create(":memory:", vector_hasher) as engine:
        engine.add([Entry(f"<b>{n}", row, {"<i>": "<u>"}) for n, row in enumerate(vectors)])
        others = made(engine)
    for shown in (texts, others):
        reader = read(shown)
        assert not names(reader) & {"script", "i", "u"}
        assert "onerror=alert(2)&gt;" in shown or shown is others
        assert "\u202e" not in shown
        assert "\0" not in shown
        assert not [given for name, given in reader.tags if name == "img"]
    assert "&lt;b&gt;" in others


def test_a_name_of_a_file_is_a_text_as_any_other(stored):
    with Engine.open(stored) as engine:
        shown = page(gather(engine, "<script>.db"))
    assert "script" not in names(read(shown))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_entries_or_none_make_a_page(count, hasher):
    with Engine.create(":memory:", hasher) as engine:
        engine.add(make_entries(count))
        shown = made(engine)
    sections = [given["id"] for name, given in read(shown).tags if name == "section"]
    assert (
        sections == {0: ["summary", "training", "model"], 1: [one for one in ALL if one != "neighbours"], 2: ALL}[count]
    )
    assert ("holds no entries" in shown) == (count == 0)
    assert ("There is one entry" in shown) == (count == 1)
    assert "nan" not in re.sub(r"[a-z]nan|nan[a-z]", "", shown)


def test_equal_codes_make_a_page(hasher):
    with Engine.create(":memory:", hasher) as engine:
        engine.add([Entry(str(n), "rocket moon") for n in range(30)])
        shown = made(engine)
    read(shown)
    assert "30 entries</h3>" in shown
    assert "and 26 more" in shown


def test_embeddings_and_matrices_make_a_page(vector_hasher, vectors):
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add([Entry(str(n), row, {"group": "abcd"[n % 4]}) for n, row in enumerate(vectors)])
        shown = made(engine)
    read(shown)
    assert "80 embeddings, 32-bit codes" in shown
    assert "group a" in shown
    rows = Sparse(np.arange(41), (np.arange(40) % 4).astype(np.int32), np.ones(40, np.float32), 4)
    hasher = Hasher.fit(rows, dataclasses.replace(FAST, bits=8, steps=10))
    with Engine.create(":memory:", Hasher.from_bytes(*hasher.to_bytes())) as engine:
        engine.index.add([str(n) for n in range(40)], hasher.encode(rows))
        shown = made(engine)
    assert "40 rows of a matrix" in shown
    assert "is not noted in this file" in shown


def test_images_tell_where_they_are_from():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (8, 8, 3), dtype=np.uint8) for _ in range(20)]
    hasher = Hasher.fit(images, Settings(bits=8, steps=5, batch=8, image_size=8, kind="plain"))
    for vectors, source in ((False, "what the decoder makes of a code"), (True, "from the vectors stored")):
        with Engine.create(":memory:", hasher, vectors=vectors) as engine:
            engine.add([Entry(f"<{n}>", image) for n, image in enumerate(images)])
            found = gather(engine, "docs.db")
        shown = page(found)
        reader = read(shown)
        means = [given["src"] for name, given in reader.tags if name == "img" and given.get("title") == "mean"]
        assert means == [address for pair in found.averages for address in pair]
        assert source in shown
        assert len([1 for name, given in reader.tags if name == "img" and given["alt"].startswith("<")]) >= 20


def test_the_same_file_gives_the_same_bytes(stored, tmp_path):
    for name in ("one.html", "other.html"):
        with Engine.open(stored) as engine:
            assert write_report(engine, str(tmp_path / name)) == (tmp_path / name).stat().st_size
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "other.html").read_bytes()


def test_the_command_writes_it_and_leaves_the_file_as_it_was(stored, tmp_path):
    with open(stored, "rb") as file:
        before = file.read()
    out = tmp_path / "report.html"
    assert run("report", stored, "-o", out) == ("", f"{out}: {out.stat().st_size / 1e6:.1f} MB\n")
    assert run("report", stored, "-o", out)[0] == ""  # over the last one
    assert out.read_text().startswith("<!doctype html>")
    with open(stored, "rb") as file:
        assert file.read() == before


def test_what_lies_in_the_way_stays(stored, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    cases = {
        stored: f"{stored}: is there and is no report: give another name",
        str(tmp_path / "notes.txt"): f"{tmp_path}/notes.txt: is there and is no report: give another name",
        str(tmp_path / "no" / "r.html"): f"{tmp_path}/no/r.html: there is no folder {tmp_path}/no: make it first",
        str(tmp_path): f"{tmp_path}: is a folder: give the name of a file in it",
    }
    for path, message in cases.items():
        with Engine.open(stored) as engine, pytest.raises(InvalidInput) as caught:
            write_report(engine, path)
        assert str(caught.value) == message
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_failed_write_leaves_the_last_report(stored, tmp_path, monkeypatch):
    out = tmp_path / "r.html"
    out.write_text("<!doctype html>old")

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with Engine.open(stored) as engine, pytest.raises(InvalidInput) as caught:
        write_report(engine, str(out))
    assert str(caught.value) == f"{out}: cannot be written: No space left on device"
    assert os.listdir(tmp_path) == ["r.html"]
    assert out.read_text() == "<!doctype html>old"


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_stand_out(theme):
    style = (HERE / "page.css").read_text()
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", style.split(":root {")[1 + theme].split("}")[0]))
    for front in ("ink", "soft", "one", "nought", "third"):
        for back in ("paper", "card"):
            light, deep = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
            assert (light + 0.05) / (deep + 0.05) >= 4.5, (front, back)


def laid_out(browser, text, folder, width, scheme="light"):
    """A page of this width with the text: what is wide, sticks out or is broken, its background, what it asked for."""
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    shown = browser.page(width, prefers_color_scheme=scheme)
    shown.open(path.as_uri())
    asked = [url for url in shown.requests() if url != path.as_uri() and not url.startswith("data:")]
    return shown.run(LOOK) | {"asked": asked, "complaints": shown.problems()}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_chromium_lays_it_out(browser, text, tmp_path, width, scheme):
    assert laid_out(browser, text, tmp_path, width, scheme) == {
        "width": width,
        "wide": [],
        "asked": [],
        "broken": 0,
        "background": "rgb(20, 23, 28)" if scheme == "dark" else "rgb(251, 250, 247)",
        "complaints": [],
    }


@pytest.mark.slow
def test_chromium_would_tell(browser, text, tmp_path):
    """That the test above can fail."""
    bad = '<pre style="width:2000px">x</pre><img src="data:,x"><img src="https://example.invalid/x.png">'
    found = laid_out(browser, text.replace("<main>", f"<main>{bad}<script>boom()</script>"), tmp_path, 360)
    assert found["width"] > 360
    assert [element[:4] for element in found["wide"]] == ["<pre"]
    assert found["broken"] == 2
    assert len([line for line in found["complaints"] if "Content Security Policy" in line]) == 2
