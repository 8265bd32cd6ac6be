"""Entries as they come: batches by number or time, totals, and the sample."""

import numpy as np
import pytest

from hashret import stream
from hashret.engine import Engine
from hashret.inputs import Entry, Source
from indexer.errors import InvalidInput
from tests.hashret.conftest import make_entries


def test_batches_keep_order_and_hold_no_more_than_asked():
    entries = make_entries(10)
    assert [len(batch) for batch in stream.batches(entries, 4)] == [4, 4, 2]
    assert [entry for batch in stream.batches(iter(entries), 4) for entry in batch] == entries
    assert list(stream.batches([], 4)) == []


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: ["some text"], "entry 0 is of type str"),
        (lambda: iter([Entry("a", "moon"), ("b", "bread")]), "entry 1 is of type tuple"),
        (lambda: "some text", "entry 0 is of type str"),
        (lambda: None, "entries are of type NoneType"),
        (lambda: 7, "entries are of type int"),
    ],
)
def test_what_is_no_entry_is_told_so(make, what, stored, tmp_path):
    text = f"{what}: give Entry(key, content), or a table: a list of dicts, a data frame or a dataset"
    with Engine.open(stored) as engine:
        count = len(engine.index)
        with pytest.raises(InvalidInput) as caught:
            engine.add(make())
        assert len(engine.index) == count
    assert str(caught.value) == text
    with pytest.raises(InvalidInput) as caught:
        Engine.fit(str(tmp_path / "d.db"), make())
    assert str(caught.value) == text
    assert list(tmp_path.iterdir()) == []


def test_slow_entries_come_in_small_batches(monkeypatch):
    clock = iter(np.arange(0, 1000, 0.9))
    monkeypatch.setattr(stream, "monotonic", lambda: next(clock))
    assert [len(batch) for batch in stream.batches(make_entries(8), 4)] == [3, 3, 2]


def test_reading_is_told_batch_by_batch(tmp_path):
    (tmp_path / "a.txt").write_text("word\n" * 5)
    source = Source((tmp_path / "a.txt",))
    seen = []
    entries = make_entries(5)
    assert list(stream.watched(entries, 2, lambda *at: seen.append(at))) == entries
    assert seen == [("read", 0, 5), ("read", 2, 5), ("read", 4, 5), ("read", 5, 5)]
    assert len(list(stream.watched(source, 2, lambda *at: seen.append(at)))) == 1
    assert seen[4:] == [("read", 0, 0), ("read", 1, 1)]


def test_totals_are_counted_judged_or_unknown(tmp_path):
    (tmp_path / "a.txt").write_text("word")
    entries = make_entries(3)
    source = Source((tmp_path / "a.txt",))
    assert (stream.total(entries), stream.total(iter(entries)), stream.total(source)) == (3, 0, 0)
    assert list(source)
    assert stream.total(source) == 1


def test_a_sample_keeps_order_and_every_number_is_as_likely():
    assert stream.reservoir(range(5), 9, 0) == [0, 1, 2, 3, 4]
    counts = np.zeros(10)
    for seed in range(2000):
        sample = stream.reservoir(iter(range(10)), 4, seed)
        assert sample == sorted(set(sample))
        counts[sample] += 1
    assert np.abs(counts / 2000 - 0.4).max() < 0.05
