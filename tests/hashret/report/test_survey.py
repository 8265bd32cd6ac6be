import numpy as np
import pytest

from hashret.report import survey as module
from hashret.report.survey import survey
from indexer.bits import ball_size, pack, unpack
from indexer.errors import InvalidInput


def clustered(count: int, bits: int = 16, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2, (5, bits))
    flips = rng.random((count, bits)) < 0.08
    return pack((centres[rng.integers(0, 5, count)] ^ flips).astype(np.uint8))


def away(codes):
    bits = unpack(codes).astype(int)
    return (bits[:, None] != bits).sum(2)


def test_distances_are_those_of_all_pairs_where_entries_are_few():
    codes = clustered(60)
    near = away(codes)
    expected = np.bincount(near[~np.eye(60, dtype=bool)], minlength=17)
    assert survey(np.arange(60), codes).distances.tolist() == expected.tolist()


def test_hits_of_a_radius_by_brute_force():
    codes = clustered(150)
    near = away(codes) + 99 * np.eye(150, dtype=int)
    found = survey(np.arange(150), codes)
    assert [one.radius for one in found.reach] == [0, 1, 2, 3, 4, 6, 8]
    assert found.queries == 150
    for one in found.reach:
        counts = (near <= one.radius).sum(1)
        assert one.mean == pytest.approx(counts.mean())
        assert one.median == np.median(counts)
        assert one.most == np.quantile(counts, 0.9)
        assert one.foreseen == pytest.approx(counts.mean())  # of all pairs, nothing is left to guess
        assert one.uniform == pytest.approx(149 * ball_size(16, one.radius) / 2**16)


def test_what_is_foreseen_of_a_sample_is_near_what_is_counted(monkeypatch):
    monkeypatch.setattr(module, "SIDES", 300)
    monkeypatch.setattr(module, "_BLOCK", 999)
    codes = clustered(4000)
    for one in survey(np.arange(4000), codes).reach:
        assert one.foreseen == pytest.approx(one.mean, rel=0.3)


def test_buckets_by_size_and_the_largest():
    codes = np.repeat(np.arange(6, dtype=np.uint8), [1, 1, 2, 4, 5, 9])[:, None]
    order = np.random.default_rng(0).permutation(len(codes))
    found = survey(np.arange(100, 122), codes[order])
    assert found.sizes == ((1, 1, 2, 2), (2, 2, 1, 2), (3, 4, 1, 4), (5, 8, 1, 5), (9, 16, 1, 9))
    assert [(bucket.code, bucket.size) for bucket in found.largest] == [(b"\5", 9), (b"\4", 5), (b"\3", 4), (b"\2", 2)]
    for bucket in found.largest:
        held = [100 + place for place, code in enumerate(codes[order][:, 0]) if code == bucket.code[0]]
        assert list(bucket.ids) == held[:6]


def test_one_entry_has_no_distances():
    found = survey(np.array([7]), np.array([[9]], dtype=np.uint8))
    assert (found.reach, found.distances.sum(), found.largest, found.sizes) == ((), 0, (), ((1, 1, 1, 1),))


def test_equal_codes_are_one_bucket():
    found = survey(np.arange(9), np.zeros((9, 2), np.uint8))
    assert found.distances.tolist() == [72] + [0] * 16
    assert [(one.foreseen, one.mean) for one in found.reach] == [(8.0, 8.0)] * 7
    assert [bucket.size for bucket in found.largest] == [9]
    assert (found.correlation == 0).all()


def test_no_codes_are_no_survey():
    with pytest.raises(InvalidInput, match=r"^there are no codes to judge: store entries first$"):
        survey(np.zeros(0, np.int64), np.zeros((0, 2), np.uint8))


def test_it_tells_how_far_it_has_come(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 40)
    seen = []
    survey(np.arange(100), clustered(100), progress=lambda *at: seen.append(at))
    assert seen == [("compare", done, 100) for done in (0, 40, 80, 100)]
