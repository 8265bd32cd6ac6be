"""The page as a person uses it, in headless Chromium: type, slide, click through, go back; nothing goes wrong."""

import json
import re

import pytest

from hashret.engine import Engine
from hashret.inputs import Entry
from hashret.inputs.images import pixels
from hashret.words import THREES, TWOS, found
from tests.hashret.web.conftest import serving

pytestmark = pytest.mark.slow
READY = "document.querySelector('#results').getAttribute('aria-busy') === 'false'"
KEYS = "[...document.querySelectorAll('#hits a.key')].map((link) => link.textContent)"
WIDTH = "document.documentElement.scrollWidth"
POOR = """(() => {
  const light = (text) => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const solid = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility()
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())).map((element) => {
      const [text, back] = [light(getComputedStyle(element).color), light(solid(element))];
      return [(Math.max(text, back) + .05) / (Math.min(text, back) + .05), element.outerHTML.slice(0, 80)];
    }).filter(([contrast]) => contrast < 4.5);
})()"""  # WCAG 2.2, 1.4.3
NAMELESS = """[...document.querySelectorAll('input, select, button, a')].filter((element) => element.checkVisibility()
  && !(element.labels?.length || element.ariaLabel || element.textContent.trim())).map((e) => e.outerHTML)"""


@pytest.fixture(scope="module")
def url(stored):
    with serving(stored) as address:
        yield address


def fine(page, url):
    """Nothing in the console, and nobody else was asked for anything."""
    assert page.problems() == []
    assert [address for address in page.requests() if not address.startswith((url.partition("?")[0], "blob:"))] == []


def test_type_slide_click_through_and_back(browser, url, stored, tmp_path):
    page = browser.page()
    page.open(url)
    page.wait(f"{READY} && {KEYS}.length === 10")
    page.click("#q")
    page.type("moon rocket")
    page.wait(f"{READY} && new URLSearchParams(location.search).get('q') === 'moon rocket'")
    with Engine.open(stored) as engine:
        nearest = [hit.key for hit in engine.query(["moon rocket"])[0]]
        assert page.run(KEYS) == nearest
        assert page.text("#status") == "The 10 nearest entries of 120."
        marks = "[...document.querySelectorAll('mark')].map((mark) => mark.textContent)"
        assert set(page.run(marks)) <= {"moon", "rocket"}
        x, width, y = page.run(
            "(({x, y, width, height}) => [x, width, y + height / 2])(radius.getBoundingClientRect())"
        )
        start, radius = page.run("Number(radius.value)"), 8
        at = [x + 8 + (width - 16) * value / 16 for value in (start, radius)]
        page.drag(at[0], y, at[1], y)
        page.wait(f"{READY} && new URLSearchParams(location.search).get('r') === '{radius}'")
        within = engine.query(["moon rocket"], radius=radius)[0]
        assert re.match(f"{len(within)} entries within {radius} bits", page.text("#status"))
        assert page.run(KEYS) == [hit.key for hit in within[:10]]
        page.press("ArrowLeft")  # the slider has the focus
        page.wait(f"{READY} && new URLSearchParams(location.search).get('r') === '{radius - 1}'")
        within = engine.query(["moon rocket"], radius=radius - 1)[0]
        assert page.text("#status").startswith(f"{len(within)} entr")
        page.screenshot(tmp_path / "results.png")

        page.click("#hits a.key")
        page.wait(f"{READY} && !document.querySelector('#entry').hidden")
        key = within[0].key
        assert page.text("#entry h2") == key
        assert page.text("#entry .content") == engine.get(key).content
        assert page.run(KEYS) == [hit.key for hit in engine.similar(key, radius=radius - 1)[:10]]
        code = engine.index.codes(engine.index.ids([key]))
        assert page.text("#entry code") == code.tobytes().hex()
        same = [other for other in engine.index.keys(engine.index.bucket(code)) if other != key]
        assert page.run("[...document.querySelectorAll('.same a')].map((link) => link.textContent)") == same[:12]
        assert page.run("document.activeElement.textContent") == key
        page.screenshot(tmp_path / "entry.png")

    page.back()
    page.wait(f"{READY} && document.querySelector('#entry').hidden")
    assert page.run("document.querySelector('#q').value") == "moon rocket"
    assert page.run(KEYS) == [hit.key for hit in within[:10]]
    page.back()
    page.wait(f"{READY} && location.search === ''")
    assert page.run("document.querySelector('#q').value") == ""
    fine(page, url)
    for name in ("results", "entry"):
        assert pixels(tmp_path / f"{name}.png", name).shape == (800, 1100, 3)


def test_a_link_a_filter_and_the_order(browser, url, stored):
    page = browser.page()
    page.open(f"{url}?q=goal+bread&where=topic%3Dfood&k=25&plain=1")
    page.wait(f"{READY} && {KEYS}.length === 25")
    with Engine.open(stored) as engine:
        hits = engine.query(["goal bread"], 25, where={"topic": "food"}, rerank=False)[0]
        assert page.run(KEYS) == [hit.key for hit in hits]
        page.click("#rerank")
        page.wait(f"{READY} && !location.search.includes('plain')")
        hits = engine.query(["goal bread"], 25, where={"topic": "food"})[0]
        assert page.run(KEYS) == [hit.key for hit in hits]
        page.run("document.querySelector('#where').value = ''")
        page.click("#where")
        page.type("topic=sport")
        page.press("Enter")
        page.wait(f"{READY} && location.search.includes('sport')")
        hits = engine.query(["goal bread"], 25, where={"topic": "sport"})[0]
        assert page.run(KEYS) == [hit.key for hit in hits]
    fine(page, url)


def test_by_keyboard_alone(browser, url):
    page = browser.page()
    page.open(url)
    page.wait(READY)
    page.press("/")
    page.type("bread")
    page.wait(f"{READY} && location.search === '?q=bread'")
    page.press("ArrowDown")
    page.press("ArrowDown")
    second = page.run(KEYS)[1]
    assert page.run("document.activeElement.textContent") == second
    page.press("Enter")
    page.wait(f"{READY} && !document.querySelector('#entry').hidden")
    assert page.text("#entry h2") == second
    fine(page, url)


def test_what_is_stored_is_text_and_nothing_else(browser, tmp_path, hasher):
    """Contents, keys and meta of a stranger are shown as they are."""
    path, evil = str(tmp_path / "evil.db"), "<img src=x onerror=alert(1)>"
    with Engine.create(path, hasher) as engine:
        engine.add([Entry(f"{evil}/../?#%2F", f"moon {evil}", {evil: evil, "list": [1]}), Entry("plain", "moon")])
    with serving(path) as url:
        page = browser.page()
        page.open(f"{url}?q=moon")
        page.wait(f"{READY} && {KEYS}.length === 2")
        page.click("#hits li:has(button) a.key")
        page.wait(f"{READY} && !document.querySelector('#entry').hidden")
        assert page.text("#entry h2") == f"{evil}/../?#%2F"
        assert page.text("#entry .content") == f"moon {evil}"
        assert page.run("document.images.length") == 0
        fine(page, url)


def test_the_page_knows_the_words_that_the_server_knows(browser, url):
    page = browser.page()
    page.open(url)
    japanese, thai = "Linux用のデータベース 5版 a_b, Élan人々々。猫 𠮷野家 スーパー・カー", "ไม่มีช่องว่าง 5 ปี"
    ends = [int(end[2:], 16) for end in re.findall(r"\\u.{4}|\\U.{8}", TWOS + THREES)]
    edges = " ".join(f"a{chr(end + more)}b" for end in ends for more in (-1, 0, 1))
    for text in (japanese, thai, "ខ្មែរ", "हिन्दी x", edges, "猫", ""):
        each = f"[...words.found({json.dumps(text)})].map(([at, word]) => [at, words.fold(word)])"
        places = [len(text[:at].encode("utf-16-le")) // 2 for at, _ in found(text)]
        expected = [[at, word] for at, (_, word) in zip(places, found(text), strict=True)]
        assert page.run(f"import('/words.js').then((words) => {each})") == expected
    fine(page, url)


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("moon Rocket moon, a", "MOON a", ["moon", "moon"]),
        ("新しい表計算ソフト, a sheet", "表計算 x SHEET", ["表計算", "sheet"]),
        ("猫 と子猫", "猫", ["猫"]),
        ("ภาษาไทย", "ไทย ปี", ["ไทย"]),
        ("nothing", "else", []),
        ("", "", []),
    ],
)
def test_the_words_of_the_query_are_marked(browser, url, text, query, expected):
    page = browser.page()
    page.open(url)
    asked = f"words.stretches({json.dumps(text)}, words.wordsOf({json.dumps(query)}))"
    stretches = page.run(f"import('/words.js').then((words) => {asked})")
    assert [text[begin:end] for begin, end in stretches] == expected
    fine(page, url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_by_day_and_night(browser, url, tmp_path, scheme):
    page = browser.page(360, 740, prefers_color_scheme=scheme)
    ground = {"light": "rgb(251, 250, 247)", "dark": "rgb(20, 22, 23)"}
    for query in ("", "?q=moon+rocket&r=9", "?key=space%2F0"):
        page.open(url + query)
        page.wait(f"{READY} && {KEYS}.length > 0")
        assert page.run(WIDTH) == 360
        assert page.run("getComputedStyle(document.documentElement).backgroundColor") == ground[scheme]
        assert page.run(POOR) == []
        assert page.run(NAMELESS) == []
        page.screenshot(tmp_path / "phone.png")
    fine(page, url)


def test_the_token_leaves_the_address(browser, stored):
    with serving(stored, "--token", "open-sesame") as url:
        page = browser.page()
        page.open(url)
        page.wait(f"{READY} && {KEYS}.length === 10")
        assert page.run("location.search") == ""
        page.open(url.partition("?")[0])
        page.wait(f"{READY} && {KEYS}.length === 10")
        fine(page, url)


def test_embeddings_are_found_by_their_keys(browser, embedded):
    with serving(embedded) as url:
        page = browser.page()
        page.open(url)
        page.wait(READY)
        page.click("#q")
        page.type("v/7")
        page.wait(f"{READY} && location.search === '?q=v%2F7'")
        assert page.run(KEYS) == ["v/7", *(f"v/7{n}" for n in range(10))][:10]
        page.click("#hits a.key")
        page.wait(f"{READY} && !document.querySelector('#entry').hidden")
        with Engine.open(embedded) as engine:
            assert page.run(KEYS) == [hit.key for hit in engine.similar("v/7")]
        fine(page, url)


def test_images_are_seen_and_asked_with(browser, photos, tmp_path):
    with serving(photos / "photos.db") as url:
        page = browser.page()
        page.open(url)
        page.wait(f"{READY} && [...document.images].every((image) => image.complete && image.naturalWidth > 0)")
        assert page.run("document.images.length") == 10
        document = page.call("DOM.getDocument")["root"]["nodeId"]
        field = page.call("DOM.querySelector", nodeId=document, selector="#file")["nodeId"]
        page.call("DOM.setFileInputFiles", nodeId=field, files=[str(photos / "in" / "red" / "8.png")])
        page.wait(f"{READY} && !!document.querySelector('.near')")
        with Engine.open(str(photos / "photos.db")) as engine:
            hits = engine.query([pixels(photos / "in" / "red" / "8.png", "8.png")])[0]
            assert page.run(KEYS) == [hit.key for hit in hits]
            page.click("#hits a.key")
            page.wait(f"{READY} && !document.querySelector('#entry').hidden")
            assert page.run(KEYS) == [hit.key for hit in engine.similar(hits[0].key)]
        page.screenshot(tmp_path / "image.png")
        page.back()
        page.wait(f"{READY} && document.querySelector('#heading').textContent.startsWith('Neighbours of your image')")
        assert page.run(KEYS) == [hit.key for hit in hits]
        fine(page, url)
