import numpy as np
import pytest

from hashret.engine import Engine
from hashret.evaluate import Judgements, Options, compare, precision_at
from hashret.evaluate.comparison import NOTHING
from hashret.evaluate.quality import quality
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.settings import Settings
from indexer.bits import distances
from indexer.errors import InvalidInput, Mismatch, NotFound
from tests.hashret.conftest import make_entries

WORSE = Settings(bits=8, kind="plain", steps=1, batch=32, min_count=1)


@pytest.fixture(scope="module")
def worse(entries) -> Hasher:
    """Eight bits that learned for one step."""
    return Hasher.fit([entry.content for entry in entries], WORSE)


@pytest.fixture
def two(hasher, worse, entries):
    """The better model in use, the worse beside."""
    with Engine.create(":memory:", hasher) as engine:
        engine.add(entries)
        engine.reencode(worse)
        yield engine


def figures(found):
    return {(one.method, one.metric): one for one in found.figures}


def lists(engine, entries, k):
    """What `query` answers to the text of every entry, itself left out."""
    hits = engine.query([entry.content for entry in entries], k=k + 1)
    return [[hit.key for hit in each if hit.key != entry.key][:k] for entry, each in zip(entries, hits, strict=True)]


def test_answers_are_those_that_the_engine_gives(two, entries):
    found = compare(two, options=Options(k=(4,)))
    before, after = lists(two, entries, 4), lists(two.beside(), entries, 4)
    shares = [len(set(one) & set(other)) / 4 for one, other in zip(before, after, strict=True)]
    same = np.mean([one[0] == other[0] for one, other in zip(before, after, strict=True)])
    assert figures(found)["both", "overlap@4"].value == pytest.approx(np.mean(shares))
    assert figures(found)["both", "same first answer"].value == pytest.approx(same)
    assert found.queries == 120
    order = sorted(range(120), key=lambda number: (shares[number], number))
    assert [one.key for one in found.changed] == [entries[number].key for number in order]
    for one, number in zip(found.changed, order, strict=True):
        assert (one.content, one.overlap) == (entries[number].content, pytest.approx(shares[number]))
        assert one.lost == tuple(key for key in before[number] if key not in after[number])
        assert one.gained == tuple(key for key in after[number] if key not in before[number])


def test_with_labels_precision_decides(two, worse, hasher, entries):
    found = compare(two, Judgements(label="topic"), Options(k=(5,)))
    topics = np.array([entry.meta["topic"] for entry in entries])
    others, relevant = ~np.eye(120, dtype=bool), topics[:, None] == topics
    right = []
    for model in (hasher, worse):
        codes = model.encode([entry.content for entry in entries])
        away = distances(codes, codes)[others].reshape(120, 119)
        right.append(precision_at(away, relevant[others].reshape(120, 119), 5))
    named = figures(found)
    for side, scores in zip(("in use", "beside"), right, strict=True):
        assert named[side, "P@5 by codes"].value == pytest.approx(scores.mean())
    by = named["difference", "P@5 by codes"]
    assert by.value == pytest.approx((right[1] - right[0]).mean())
    assert by.low <= by.value <= by.high < 0
    first = [named[name, "P@5"] for name in ("beside", "in use", "difference")]
    word = "is worse" if first[2].high < 0 else "is not clearly better or worse"
    assert found.verdict == (
        f"the model beside {word} by P@5: {first[0].value:.3f} against {first[1].value:.3f}, "
        f"{first[2].value:+.3f} (95 % interval {first[2].low:+.3f} to {first[2].high:+.3f})"
    )


def test_without_labels_the_float_neighbours_decide_whichever_way_round(two, worse, entries):
    k = 2
    found = compare(two, options=Options(k=(k,)))
    assert found.verdict.startswith("the model beside is worse by top 2 in 20 by codes: ")
    two.promote()
    back = compare(two, options=Options(k=(k,)))
    assert back.verdict.startswith("the model beside is better by top 2 in 20 by codes: ")
    metric = f"top {k} in {10 * k} by codes"
    assert figures(found)["beside", metric].value == pytest.approx(figures(back)["in use", metric].value)
    assert figures(found)["difference", metric].value == pytest.approx(-figures(back)["difference", metric].value)
    assert figures(found)["both", "RBO"].value == pytest.approx(figures(back)["both", "RBO"].value)


def test_codes_are_told_of_by_themselves(two, worse, entries):
    named = figures(compare(two, options=Options(sample=10)))
    right = quality(worse.encode([entry.content for entry in entries]))
    assert named["beside", "effective bits"].value == right.effective
    assert named["beside", "bit balance"].value == right.balance
    assert named["beside", "largest bucket"].value == right.largest
    assert (named["in use", "bits"].value, named["beside", "bits"].value) == (32, 8)


def test_a_model_is_like_itself(entries, hasher, tmp_path):
    """The same codes under two digests: nothing differs, and no better is claimed."""
    twin = Hasher(hasher.settings, hasher.features, hasher.weights, hasher.usual + 1)
    with Engine.create(":memory:", hasher) as engine:
        engine.add(entries)
        engine.reencode(twin)
        found = compare(engine, Judgements(label="topic"))
    named = figures(found)
    assert [named["both", name].value for name in ("overlap@10", "RBO", "same first answer")] == pytest.approx(
        [1, 1, 1]
    )
    assert found.verdict.startswith("the model beside is not clearly better or worse by P@10: ")
    assert {one.value for one in found.figures if one.method == "difference"} == {0}
    assert all((one.overlap, one.lost, one.gained) == (1, (), ()) for one in found.changed)


def test_judged_queries_need_not_be_stored(two, tmp_path):
    (tmp_path / "queries.tsv").write_text("q1\trocket moon\nq2\tbread butter\n")
    (tmp_path / "grades.txt").write_text("q1 0 space/0 1\nq2 0 food/1 1\n")
    judgements = Judgements(qrels=str(tmp_path / "grades.txt"), queries=str(tmp_path / "queries.tsv"))
    found = compare(two, judgements, Options(k=(3,)))
    assert found.queries == 2
    assert {(one.key, one.content) for one in found.changed} == {("", "rocket moon"), ("", "bread butter")}
    right = {query: [[hit.key for hit in each.query([query], k=3)[0]] for each in (two, two.beside())]
             for query in ("rocket moon", "bread butter")}  # fmt: skip
    for one in found.changed:
        before, after = right[one.content]
        assert one.overlap == pytest.approx(len(set(before) & set(after)) / 3)


def test_where_there_is_nothing_to_judge_by_it_says_so(vectors, vector_hasher):
    entries = [Entry(str(n), row, {"side": n % 4}) for n, row in enumerate(vectors)]
    with Engine.create(":memory:", vector_hasher) as engine:
        engine.add(entries)
        engine.reencode(Settings(bits=16, steps=5, seed=1), entries)
        found = compare(engine)
        assert found.verdict == NOTHING
        assert {one.metric for one in found.figures if one.method == "difference"} == {"distance / bits"}
        judged = compare(engine, Judgements(label="side"), Options(k=(3,)))
        assert " by P@3: " in judged.verdict


def test_stored_vectors_are_the_yardstick(vectors, vector_hasher):
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add([Entry(str(n), row) for n, row in enumerate(vectors)])
        engine.reencode(Settings(bits=8, steps=5, seed=1))
        named = figures(compare(engine, options=Options(k=(3,))))
    assert named["beside", "top 3 in 3"].value > 0.99
    assert named["both", "overlap@3"].value > 0.99
    assert named["beside", "top 3 in 3 by codes"].value < named["in use", "top 3 in 3 by codes"].value


def test_what_cannot_be_compared(hasher, worse, monkeypatch):
    with Engine.create(":memory:", hasher) as engine:
        with pytest.raises(NotFound) as caught:
            compare(engine)
        assert str(caught.value) == (":memory:: no model stands beside the one in use: make one by `hashret reencode`")
        engine.reencode(worse)
        with pytest.raises(InvalidInput) as caught:
            compare(engine)
        assert str(caught.value) == "there are fewer than two entries: answers cannot differ"
        monkeypatch.setattr("hashret.generations.Beside.encode", lambda *at: None)
        engine.add(make_entries(3))
        with pytest.raises(Mismatch) as late:
            compare(engine)
        assert str(late.value) == (
            f":memory:: model {worse.digest[:12]} has codes of 0 of 3 entries: `hashret reencode` makes the others"
        )


def test_progress_reaches_its_end(two):
    seen = []
    compare(two, options=Options(sample=5), progress=lambda *at: seen.append(at))
    assert (seen[0], seen[-1]) == (("compare", 0, 3), ("compare", 3, 3))
