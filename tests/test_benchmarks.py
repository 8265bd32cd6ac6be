"""The benchmarks' own arithmetic, on cases small enough to know the answer."""

import argparse
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import (
    ablation,
    address,
    engine,
    figures,
    groups,
    later,
    notes,
    origin,
    peers,
    plot,
    queries,
    rerank,
    results,
    tables,
    tasks,
)
from benchmarks.quality.peers import checkouts, ranked, shallow
from benchmarks.quality.results import Codes, Ranking, Run
from benchmarks.quality.run import possible
from benchmarks.quality.scoring import asymmetric, blocks, found_of_ten, hamming, map_1000, mean
from hashret.family import BY_CONTENTS, CONTENTS
from hashret.hasher import Hasher
from hashret.rows import Sparse
from hashret.settings import Settings
from indexer.bits import distances, pack

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(300, 24)).astype(np.float32)
EVERY = slice(0, 20)


@pytest.fixture
def vectors():
    return tasks.nearest("vectors", POINTS, POINTS[:20] + 0.01)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)


def sparse(dense):
    rows, columns = np.nonzero(dense)
    indptr = np.searchsorted(rows, np.arange(len(dense) + 1))
    return Sparse(indptr, columns.astype(np.int32), dense[rows, columns].astype(np.float32), dense.shape[1])


def texts():
    labels = np.arange(60) % 3
    dense = (np.random.default_rng(1).random((60, 40)) < 0.2).astype(float)
    dense[:, :3] = np.eye(3)[labels]
    rows = sparse(dense).unit()
    part = tasks.Part(rows, rows, tasks.one_hot(labels))
    return tasks.labelled("texts", part, tasks.Part(rows.take(np.arange(9)), rows.take(np.arange(9)), part.labels[:9]))


def test_a_run_is_stored_once_and_loads_as_it_was():
    made = []

    def method():
        made.append(1)
        return Codes.of(POINTS, POINTS[:5])

    run = Run("vectors", "LSA+ITQ", 24, 3)
    assert [results.make(run, method), results.make(run, method), results.make(run, method, force=True)] == [1, 0, 1]
    outcome, seconds = results.load(run)
    assert len(made) == 2
    assert seconds >= 0
    assert np.array_equal(outcome.codes, pack(POINTS > 0))
    assert np.array_equal(outcome.queries, POINTS[:5])
    assert results.stored("vectors") == [run]
    assert Run.parse(run.path) == run


def test_a_ranking_loads_as_it_was():
    run = Run("vectors", "PQ", 64)
    results.make(run, lambda: Ranking(np.arange(6, dtype=np.int32).reshape(2, 3)))
    assert results.load(run)[0].near.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_hamming_distances_are_those_of_the_index():
    codes = Codes.of(POINTS, POINTS[:20])
    assert np.array_equal(hamming(codes, EVERY), distances(pack(POINTS[:20] > 0), codes.codes))


def test_asymmetric_scores_weigh_each_bit_by_the_query():
    codes = Codes.of(np.array([[1, -1] * 4, [-1, 1] * 4]), np.array([[3, 1] * 4]))
    assert asymmetric(codes, slice(0, 1)).tolist() == [[-8, 8]]


def test_blocks_cover_every_query_once():
    assert [number for block in blocks(10_001, 1 << 20) for number in range(10_001)[block]] == list(range(10_001))


def test_exact_search_finds_all_and_its_order_does_not_matter(vectors):
    outcome = ranked.cosine(vectors, 0, 0)
    assert mean(vectors, outcome, found_of_ten) == pytest.approx(1)
    shuffled = Ranking(outcome.near[:, :100][:, ::-1])
    assert mean(vectors, shuffled, found_of_ten) == pytest.approx(1)
    assert mean(vectors, Ranking(np.full((20, 100), -1, dtype=np.int32)), found_of_ten) == 0


def test_of_entries_equal_to_the_tenth_any_do():
    near = np.repeat(np.eye(13, dtype=np.float32)[[0, 1]], [4, 20], axis=0)
    asked = np.array([[2, 1] + [0] * 11], np.float32)
    task = tasks.nearest("copies", near, asked)
    assert task.relevant(slice(0, 1)).sum() == 24
    copies = Ranking(np.array([[*range(4), *range(18, 24), *[-1] * 90]], np.int32))
    assert mean(task, copies, found_of_ten) == 1
    without = Ranking(np.array([[*range(3), *range(18, 24), *[-1] * 90]], np.int32))
    assert mean(task, without, found_of_ten) == pytest.approx(0.9)


def test_what_the_finer_score_finds_is_counted_one_by_one(vectors, monkeypatch):
    monkeypatch.setattr(later, "DEPTH", 20)
    near, asked = vectors.database.rows, vectors.queries.rows
    model = Hasher.fit(near, Settings(bits=16, steps=20, batch=64)).weights
    decoded = model.answer(model.encode(near))
    found = [
        len({*np.argsort(-(near @ query))[:10]} & {*np.argsort(-(decoded @ query), kind="stable")[:20]}) / 10
        for query in asked
    ]
    assert 0.2 < np.mean(found) < 1
    assert later.recall(model, vectors) == pytest.approx(np.mean(found))


def test_images_are_judged_to_the_last():
    images = tasks.Part(np.zeros((1201, 4)), np.zeros((1201, 4)), tasks.one_hot(np.array([0, *[1] * 1199, 0])))
    asked = tasks.Part(np.zeros((1, 4)), np.zeros((1, 4)), np.array([[True, False]]))
    away = np.repeat([0, 8, 16], [1, 1199, 1])  # of one kind: the first and the last
    codes = Codes(pack(np.arange(16) < away[:, None]), np.full((1, 16), -1, np.float32))
    first, soft, whole = figures.image_figures(tasks.labelled("images", images, asked), codes)
    assert (first, soft) == (1, 1)
    assert whole == pytest.approx((1 + 2 / 1201) / 2)


def test_a_perfect_ranking_has_map_1():
    task = texts()
    order = np.argsort(~task.relevant(slice(0, 9)), axis=1, kind="stable").astype(np.int32)
    assert mean(task, Ranking(order), map_1000) == pytest.approx(1)


def test_map_of_real_numbers_is_that_of_their_whole_order():
    far, relevant = RNG.integers(0, 900, (5, 3000)), RNG.random((5, 3000)) < 0.1
    assert map_1000(far.astype(np.float32), relevant) == pytest.approx(map_1000(far, relevant))


@pytest.mark.parametrize("name", ["ITQ", "PCA-sign", "random-rotation", "hyperplanes", "FAISS-LSH"])
def test_every_shallow_peer_makes_codes_of_the_width_asked_for(vectors, name):
    outcome = peers.VECTORS[name](vectors, 16, 0)
    assert outcome.codes.shape == (300, 2)
    assert np.array_equal(pack(outcome.queries > 0).shape, (20, 2))
    assert mean(vectors, outcome, found_of_ten) > 100 / 300  # more than chance


@pytest.mark.parametrize(("name", "bits"), [("PQ", 32), ("RaBitQ", 80), ("RaBitQ+8-bytes", 24)])
def test_quantizers_rank_by_their_own_distances(vectors, name, bits):
    outcome = peers.VECTORS[name](vectors, bits, 0)
    assert mean(vectors, outcome, found_of_ten) > 0.7


@pytest.mark.parametrize("name", ["LSA+ITQ", "hyperplanes", "LSA-float", "tf-idf"])
def test_text_peers_take_sparse_rows(name):
    task = texts()
    outcome = peers.TEXTS[name](task, 8, 0)
    assert isinstance(outcome, Codes if name in ("LSA+ITQ", "hyperplanes") else Ranking)


def test_itq_lies_nearer_to_its_signs_than_a_random_rotation():
    def loss(turned):
        return float(((turned - np.sign(turned)) ** 2).mean())

    start = np.linalg.qr(np.random.default_rng(0).normal(size=(24, 24)))[0]
    assert loss(shallow.itq(POINTS, 24, 0)(POINTS)) < loss((POINTS - POINTS.mean(0)) @ start)


def test_itq_spreads_few_dimensions_over_more_bits():
    turned = shallow.itq(POINTS, 64, 0)(POINTS)
    assert turned.shape == (300, 64)
    centred = POINTS - POINTS.mean(0)
    assert np.allclose(turned @ turned.T, centred @ centred.T, atol=1e-3)


def test_widths_that_a_method_cannot_have_are_left_out(vectors):
    asked = {("PCA-sign", 24), ("PCA-sign", 32), ("RaBitQ", 64), ("RaBitQ", 72), ("RaBitQ", 120), ("hyperplanes", 256)}
    assert {one for one in asked if possible(vectors, *one)} == {("PCA-sign", 24), ("RaBitQ", 72), ("hyperplanes", 256)}


def test_a_peer_without_its_checkout_says_which_variable_to_set(monkeypatch, tmp_path):
    monkeypatch.delenv("HASHRET_AMMI", raising=False)
    assert "HASHRET_AMMI" in checkouts.missing("AMMI")
    monkeypatch.setenv("HASHRET_AMMI", str(tmp_path))
    assert checkouts.missing("AMMI") is None
    assert checkouts.missing("hashret") is None


def test_the_address_book_holds_what_lies_in_the_ball():
    codes = Codes.of(POINTS, POINTS)
    book, near = address.Book(codes.codes), address.near(codes, EVERY)
    for query in range(20):
        found = set(book.ball(int(address.numbers(codes.codes)[query])).tolist())
        assert found - {query} == {n + (n >= query) for n in np.flatnonzero(near[query])}


def test_those_ahead_come_first_whatever_the_scores():
    far = origin.ahead(np.array([[True, False, True]]), np.array([[0.1, 0.9, 0.5]]), np.array([[0.0, 1.0, 0.0]]))
    assert np.argsort(far).tolist() == [[2, 0, 1]]


def test_a_shortlist_is_as_long_as_it_says():
    near, scores, rest = np.zeros((1, 20)), np.arange(20.0)[None], -np.arange(20.0)[None]
    order = np.argsort(queries.shortlisted(near, scores, rest, 0.1))
    assert order[0, :4].tolist() == [1, 0, 2, 3]


def noted(name):
    return (results.RESULTS / "quality" / f"{name}.jsonl").read_text()


def test_a_run_is_noted_once_and_its_codes_are_stored(vectors):
    made, run = [], Run("vectors", "ITQ", 24)

    def method(noise=0.0):
        made.append(noise)
        return Codes.of(POINTS + np.float32(noise), POINTS[:20])

    figures.learn("vectors", vectors, run, method)
    figures.learn("vectors", vectors, run, method)
    outcome, seconds = results.load(run)
    assert made == [0]
    assert (
        noted("vectors")
        == json.dumps(
            {
                "task": "vectors",
                "method": "ITQ",
                "bits": 24,
                "seed": 0,
                "figures": [round(value, 4) for value in figures.vector_figures(vectors, outcome)],
                "seconds": round(seconds, 2),
            }
        )
        + "\n"
    )
    before = figures.told("vectors")[run]["figures"]
    figures.learn("vectors", vectors, run, lambda: method(0.5), force=True)
    assert noted("vectors").count("\n") == 2
    assert figures.told("vectors")[run]["figures"] != before


def test_a_table_shows_medians_over_seeds():
    for seed, line in enumerate([([0.5, 0.1], 7), ([0.3, 0.9], 2), ([0.4, 1.0], 4)]):
        notes.note("quality/vectors", {**vars(Run("minilm", "ITQ", 64, seed)), "figures": line[0], "seconds": line[1]})
    notes.note("quality/vectors", {**vars(Run("minilm", "ITQ", 256)), "figures": [0.6, 0.7]})  # its seconds are lost
    assert tables.table("vectors", "minilm").splitlines() == [
        "| minilm | 64 bits | 128 bits | 256 bits | seconds |",
        "|---|---|---|---|---|",
        "| ITQ | .400 / .900 | - | .600 / .700 | 4 |",
    ]


def test_one_run_of_what_has_no_width_stands_under_every_width():
    notes.note("quality/text", {**vars(Run("agnews20k", "tf-idf", 0)), "figures": [0.619], "seconds": 1.2})
    assert tables.table("text", "agnews20k").splitlines()[2] == "| tf-idf | .619 | .619 | .619 | .619 | 1 |"


def test_figures_of_stored_codes_are_made_anew(vectors, monkeypatch):
    monkeypatch.setitem(groups.GROUPS, "vectors", replace(groups.GROUPS["vectors"], tasks={"vectors": lambda: vectors}))
    run = Run("vectors", "ITQ", 24)
    results.make(run, lambda: Codes.of(POINTS, POINTS[:20]))
    notes.note("quality/vectors", {**vars(run), "figures": [0, 0], "seconds": 0})
    tables.again("vectors")
    assert figures.told("vectors")[run]["figures"][0] > 0.5


def test_reranking_by_stored_vectors_finds_what_the_shortlist_holds(vectors, monkeypatch):
    monkeypatch.setattr(rerank, "SHORTLISTS", (0.01, 0.5, 1.0))
    run = Run("vectors", "hashret", 64)
    figures.learn("vectors", vectors, run, lambda: Codes.of(POINTS, POINTS[:20] + 0.01))
    _, soft = notes.notes("quality/rerank")
    eight, sixteen = soft["int8"], soft["float16"]
    assert eight == sorted(eight)
    assert eight[0] <= 0.01 * len(POINTS) / 10 + 1e-9
    assert (eight[2], sixteen[2]) == (eight[3], sixteen[3])
    assert sixteen[2] == 1
    assert eight[2] > 0.95
    row = rerank.table("vectors", (64,)).splitlines()[3]
    cells = [f"{few:.3f} / {many:.3f}" for few, many in zip(eight, sixteen, strict=True)]
    assert row == f"| 64 bits, asymmetric | {' | '.join(cells)} |"


def test_what_the_engine_finds_is_noted_and_put_in_a_table(vectors, monkeypatch):
    monkeypatch.setattr(engine, "Settings", partial(Settings, steps=20))
    for seed in (0, 1, 2):
        engine.measure(vectors, 16, seed)
    found = notes.notes("quality/engine")
    for line in found:
        assert line["codes"] <= line["finer"] <= line["int8"] <= line["float16"] == 1
        assert 0.05 < line["read"] <= 1
    middle = {name: sorted(line[name] for line in found)[1] for name in found[0] if name != "task"}
    recalls = [f"{middle[name]:.3f}".lstrip("0") for name in ("codes", "finer", "int8", "float16")]
    cells = [*recalls, f"{middle['read']:.2%}", f"{middle['ms']:.1f}", f"{middle['bare']:.1f}"]
    assert engine.table().splitlines()[2] == f"| vectors, 16 bits | {' | '.join(cells)} |"


def test_the_ablation_tells_what_is_noted_and_runs_the_rest(monkeypatch):
    task, options = texts(), argparse.Namespace(seeds=[0, 1, 2], bits=32, force=False)
    for seed, value in enumerate([0.5, 0.7, 0.6]):
        for name, method in (("text", "hashret"), ("ablation", "hashret-Adam")):
            line = {"figures": [value, 0.1, value + 0.1], "seconds": 10 * seed}
            notes.note(f"quality/{name}", {**vars(Run("texts", method, 32, seed)), **line})
    default, adam, other = (replace(ablation.VARIANTS[0], name=name) for name in ("default", "Adam", "other"))
    assert ablation.figures(task, default, options) == ablation.figures(task, adam, options) == [0.6, 0.7, 10]
    monkeypatch.setattr(peers, "hashret", lambda task, bits, seed: peers.TEXTS["hyperplanes"](task, bits, seed))
    found = ablation.figures(task, other, options)[:2]
    lines = [ablation.told("ablation")[Run("texts", "hashret-other", 32, seed)]["figures"] for seed in range(3)]
    assert found == [np.median([line[place] for line in lines]) for place in (0, 2)]


@pytest.mark.parametrize("variant", ablation.VARIANTS[1:], ids=lambda variant: variant.slug)
def test_every_variant_of_the_ablation_changes_what_is_learned(variant, monkeypatch):
    words = BY_CONTENTS["neighbour"]
    monkeypatch.setitem(words, "matrix", {**words["matrix"], "steps": 8})
    monkeypatch.setitem(CONTENTS, "matrix", {**CONTENTS["matrix"], "batch": 32, "neighbours": 25})
    for limit in ("FEW", "FEWEST"):  # so few texts would have no more than 15 neighbours
        monkeypatch.setattr(f"hashret.model.train.{limit}", 1)
    components = variant.name == "first neighbours by words"  # which so few texts begin with anyway
    monkeypatch.setattr("hashret.model.neighbours._topical", lambda rows, seed: components)
    changed, default = (one.run(texts(), 16, 0) for one in (variant, ablation.VARIANTS[0]))
    assert not np.array_equal(changed.queries, default.queries)
    assert np.array_equal(ablation.VARIANTS[0].run(texts(), 16, 0).queries, default.queries)


def test_the_chart_is_svg_with_a_line_for_each_name():
    text = plot.charts(["1", "2"], {"a < b": {"ours": [10, 20], "2007: theirs": [5, 6]}})
    tree = ElementTree.fromstring(text)
    drawn = [line for line in tree.iter() if line.tag.endswith("polyline")]
    assert len(drawn) == 2
    assert [line.get("stroke-dasharray") is not None for line in drawn] == [False, True]


def test_files_and_functions_stay_short_here_too():
    for path in (Path(__file__).resolve().parents[1] / "benchmarks").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 400, path
