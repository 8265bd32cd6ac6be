import pytest

from hashret.report.numbers import hits, percent, short, some


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (1234, "1,234"),
        (15_000, "15k"),
        (2.5e6, "2.5M"),
        (3e-7, "3e-07"),
        (-0.25, "-0.25"),
        (12.345, "12.3"),
    ],
)
def test_numbers_are_short(value, text):
    assert short(value) == text


@pytest.mark.parametrize(("share", "text"), [(0, "0%"), (1, "100%"), (0.5, "50%"), (0.012, "1.2%"), (0.987, "98.7%")])
def test_shares_near_the_ends_are_finer(share, text):
    assert percent(share) == text


def test_hits_and_counts():
    assert [hits(count) for count in (0, 0.01, 0.25, 1234.5)] == ["0.0", "0.01", "0.2", "1,234.5"]
    assert [some(count, "bit") for count in (0, 1, 2000)] == ["0 bits", "1 bit", "2,000 bits"]
