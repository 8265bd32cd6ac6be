import pytest

from hashret.web.parameters import AFTER, COUNTS, RADIUS, WHERE, K, Q, read
from indexer.errors import InvalidInput


def test_values_are_read_by_their_schema():
    given = [("q", "moon"), ("k", "3"), ("counts", "true"), ("where", "a=1"), ("where", "b=2")]
    assert read((Q, K, RADIUS, COUNTS, WHERE, AFTER), given) == {
        "q": "moon", "k": 3, "radius": None, "counts": True, "where": ["a=1", "b=2"], "after": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([("k", "0")], "k is '0': give a whole number from 1 to 1000"),
        ([("k", "1001")], "k is '1001': give a whole number from 1 to 1000"),
        ([("k", "-1")], "k is '-1': give a whole number from 1 to 1000"),
        ([("k", "³")], "k is '³': give a whole number from 1 to 1000"),
        ([("k", "9" * 5000)], f"k is {'9' * 5000!r}: give a whole number from 1 to 1000"),
        ([("counts", "yes")], "counts is 'yes': give true or false"),
        ([("k", "1"), ("k", "2")], "k is given 2 times: give it once"),
        ([("radios", "1")], "unknown parameter 'radios': give k, radius, counts"),
    ],
)
def test_what_is_wrong_is_said(given, text):
    with pytest.raises(InvalidInput) as caught:
        read((K, RADIUS, COUNTS), given)
    assert str(caught.value) == text


def test_a_query_must_be_there_and_not_empty():
    for given, text in (
        ([], "q is missing: The text to search for."),
        ([("q", " ")], "q is empty: The text to search for."),
    ):
        with pytest.raises(InvalidInput) as caught:
            read((Q,), given)
        assert str(caught.value) == text
