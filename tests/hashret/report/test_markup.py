import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashret.report.markup import Html, element, escaped, plain, table


def test_texts_are_escaped_and_markup_is_not():
    inner = element("b", "1 < 2 & 3")
    assert element("p", inner, " <script>") == "<p><b>1 &lt; 2 &amp; 3</b> &lt;script&gt;</p>"


def test_attributes_cannot_end_early():
    assert element("img", alt='"><script>') == '<img alt="&quot;&gt;&lt;script&gt;"/>'
    assert element("a", "x", class_="y", aria_label="z", id=None) == '<a class="y" aria-label="z">x</a>'


@given(st.text())
def test_what_is_read_back_is_the_text_without_what_pages_cannot_hold(text):
    shown = escaped(text)
    assert html.unescape(shown.replace("&#x27;", "'")) == plain(text)
    assert not set("<>\"'") & set(shown)


@pytest.mark.parametrize("odd", ["\0", "\x1b", "\ud800", "\u202e", "\x85", "\r"])
def test_controls_and_halves_are_replaced(odd):
    assert escaped(f"a{odd}b") == "a\ufffdb"


def test_a_table_has_headers_for_columns_and_rows():
    shown = table("Caption", ["name", "value"], [["<a>", 1]])
    assert shown == (
        '<div class="scroll" tabindex="0" role="region" aria-label="Caption"><table><caption>Caption</caption><thead>'
        "<tr>"
        '<th scope="col" class="text">name</th><th scope="col" class="number">value</th></tr></thead><tbody><tr>'
        '<th class="text" scope="row">&lt;a&gt;</th><td class="number">1</td></tr></tbody></table></div>'
    )
    assert isinstance(shown, Html)
