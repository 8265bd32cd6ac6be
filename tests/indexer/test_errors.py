import pytest

from indexer.errors import hint


@pytest.mark.parametrize(
    ("word", "known", "end"),
    [
        ("topik", ["title", "topic"], "; did you mean 'topic'?"),
        ("TITEL", ["Title", "topic"], "; did you mean 'Title'?"),
        ("x", ["title", "topic"], ""),
        ("title", [], ""),
    ],
)
def test_the_name_that_was_meant(word, known, end):
    assert hint(word, known) == end
