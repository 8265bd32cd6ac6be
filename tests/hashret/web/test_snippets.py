from hypothesis import given
from hypothesis import strategies as st

from hashret.web.snippets import MOST, snippet, words


def test_words_are_folded_as_the_vocabulary_folds_them():
    assert words("Élan, dotted.name_x 42!") == {"elan", "dotted", "name", "x", "42"}


def test_a_short_text_is_given_whole_on_one_line():
    assert snippet("one\n  two\tthree", frozenset({"two"}), 20) == "one two three"


def test_the_snippet_is_where_most_words_are():
    text = "moon " + "filler " * 40 + "a moon rocket in orbit " + "more " * 40
    assert snippet(text, words("moon rocket"), 40) == "… filler a moon rocket in orbit more more …"


def test_without_the_words_it_is_the_beginning():
    text = "alpha beta gamma delta epsilon"
    assert snippet(text, frozenset({"zeta"}), 16) == "alpha beta gamma …"
    assert snippet(text, frozenset(), 16) == "alpha beta gamma …"


def test_one_endless_word_is_cut():
    assert snippet("x" * 100, frozenset({"x"}), 10) == "x" * 10 + " …"


def test_a_word_longer_than_half_of_it_is_cut():
    assert snippet("word " + "x" * 100, frozenset(), 20) == "word " + "x" * 15 + " …"
    assert snippet("x" * 100 + " word", frozenset({"word"}), 20) == "… xxx word"


def test_a_text_without_spaces_is_cut_where_its_words_are():
    text = "あ" * 100 + "表計算ソフト" + "い" * 100
    assert snippet(text, words("計算ソ"), 20) == "… あああ表計算ソフト" + "い" * 11 + " …"


def test_only_the_beginning_of_a_book_is_looked_at():
    assert snippet("page " * MOST + "moon", frozenset({"moon"}), 12) == "page page …"


@given(st.text("ab \n\u00e9_", max_size=300), st.text("ab \u00e9", max_size=10), st.integers(1, 60))
def test_a_snippet_is_a_part_of_the_text(text, query, length):
    found = snippet(text, words(query), length)
    inner = found.removeprefix("… ").removesuffix(" …")
    assert inner in " ".join(text.split())
    assert len(inner) <= length
