"""The search benchmark's own arithmetic: right answers, verdicts, ratios and tables. Nothing is timed here."""

import json
import xml.etree.ElementTree as ElementTree
from itertools import count

import numpy as np
import pytest

from benchmarks.quality import results, tasks
from benchmarks.search import alone, data, grid, plot, store, tables, timing
from benchmarks.search.cell import Bench, Cell
from benchmarks.search.peers import METHODS, OURS, YARDSTICK
from benchmarks.search.questions import ALL, Answers, Question, Truth
from benchmarks.search.run import cells, lacking, parser
from indexer.bits import distances

FEW = timing.Limits(calls=3, seconds=0.01, batch_seconds=0.01)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(store, "RESULTS", tmp_path)


@pytest.fixture
def truth():
    codes = np.random.default_rng(0).integers(0, 4, (500, 2), dtype=np.uint8)
    return Truth(codes, codes[:5])


@pytest.mark.parametrize("kind", ["uniform", "clustered"])
def test_the_same_name_makes_the_same_codes(kind):
    (codes, queries), again = (data.codes(kind, 64, 3000) for _ in range(2))
    assert codes.shape == (3000, 8)
    assert queries.shape == (1000, 8)
    assert np.array_equal(codes, again[0])
    assert np.array_equal(queries, again[1])


def test_clustered_codes_hold_copies_and_uniform_ones_do_not():
    different = {kind: len(np.unique(data.codes(kind, 64, 3000)[0], axis=0)) for kind in ("uniform", "clustered")}
    assert different["uniform"] == 3000
    assert 2600 < different["clustered"] < 2800


def test_queries_lie_near_their_members():
    codes, queries = data.codes("uniform", 64, 3000)
    assert 1 < distances(queries, codes).min(1).mean() < 3


def test_learned_codes_are_kept_and_their_queries_are_not_among_them():
    codes, queries = data.learned(16, tasks.pixels, steps=3)
    assert (codes.shape, queries.shape) == ((1800, 2), (200, 2))
    assert (results.RESULTS / "codes" / "pixels.hashret.16.0.npz").exists()


@pytest.mark.parametrize("question", ALL, ids=str)
def test_the_truth_is_that_of_a_sort(truth, question):
    found = truth.answers(question)
    for number, query in enumerate(truth.queries):
        far = distances(query[None], truth.codes)[0]
        order = [row for _, row in sorted(zip(far.tolist(), count()))]
        right = [row for row in order if far[row] <= question.size] if question.way == "r" else order[: question.size]
        assert found.query(number)[0].tolist() == right
        assert found.query(number)[1].tolist() == far[right].tolist()


def test_wrong_answers_are_counted(truth):
    for question in (Question("r", 2), Question("k", 10)):
        right = truth.answers(question)
        assert truth.wrong(question, right, strict=True) == 0
        assert truth.recall(question, right) == 1
        short = right.distances.copy()
        short[0] += 1
        assert truth.wrong(question, Answers(right.lims, right.ids, short), strict=False) == 1


def test_any_choice_among_ties_is_right_unless_ids_are_promised(truth):
    question = Question("k", 1)
    right = truth.answers(question)
    twins = np.flatnonzero((truth.codes == truth.queries[0]).all(1))
    other = Answers(right.lims, np.concatenate((twins[1:2], right.ids[1:])), right.distances)
    assert truth.wrong(question, other, strict=False) == 0
    assert truth.wrong(question, other, strict=True) == 1
    assert truth.recall(question, other) == 1


def test_an_entry_named_twice_counts_once(truth):
    question = Question("k", 10)
    right = truth.answers(question)
    twice = Answers(right.lims, np.repeat(right.ids[::10], 10), np.repeat(right.distances[::10], 10))
    assert truth.recall(question, twice) == pytest.approx(0.1)
    assert truth.wrong(question, twice, strict=False) == 5


@pytest.mark.parametrize("name", METHODS)
def test_every_method_that_says_it_is_exact_is(name):
    if why := METHODS[name].missing():
        pytest.skip(why)
    for bits in (32, 256):
        bench = Bench(Cell("clustered", bits, 2000), FEW)
        for question in ALL:
            for row in bench.rows(question, [name]):
                assert row.get("wrong", 0) == 0
                assert row.get("recall", 1) > 0.05
        bench.close()


def test_what_is_stored_is_not_run_again():
    options = parser().parse_args(["--kinds", "uniform", "--bits", "64", "--n", "2000", "--methods", OURS, "numpy"])
    (cell,) = cells(options)
    assert lacking(cell, ALL[0], options) == [YARDSTICK, OURS, "numpy"]
    store.append(str(cell), [{"method": name, "question": "r0"} for name in (YARDSTICK, OURS)])
    assert lacking(cell, ALL[0], options) == [YARDSTICK, "numpy"]
    store.append(str(cell), [{"method": "numpy", "question": "r0"}])
    assert lacking(cell, ALL[0], options) == []
    options.again = True
    assert lacking(cell, ALL[0], options) == [YARDSTICK, OURS, "numpy"]


def test_ten_million_codes_are_of_64_bits_unless_asked_for():
    sizes = {(cell.kind, cell.bits) for cell in cells(parser().parse_args(["--large"])) if cell.n == 10_000_000}
    assert sizes == {("uniform", 64), ("clustered", 64)}
    assert len(cells(parser().parse_args(["--n", "10000000", "--bits", "128", "256"]))) == 4


def test_slow_methods_get_smaller_batches():
    fast, slow = (timing.Timed(len, len, [[0]], lambda n: [0] * n, calls=[seconds]) for seconds in (1e-6, 0.02))
    timing.batches({"fast": fast, "slow": slow}, 1000, timing.Limits(batch_seconds=3.0))
    assert (fast.batch, slow.batch) == (1000, 50)


def test_percentiles_are_values_that_occurred():
    assert alone.percentiles([number / 1e6 for number in range(100)]) == (50, 99)


def row(method, question, p50, run="1", **more):
    cell = {"kind": "uniform", "bits": 64, "n": 1000, "question": question, "run": run, "method": method}
    figures = {"p50": p50, "p99": 2 * p50, "batch": p50 / 2, "results": 1.0, "checked": 9, "wrong": 0, "exact": True}
    return {**cell, **figures, "build_s": 1.0, "stored_s": 0.25, "mb": 0.016, **more}


ROWS = [
    row(YARDSTICK, "r3", 100.0),
    row("numpy", "r3", 50.0),
    row(YARDSTICK, "r3", 200.0, run="2"),
    row(OURS, "r3", 5.0, run="2", plan={"way": "multi", "cost": 4.0}),
    row(YARDSTICK, "k10", 100.0),
    row(OURS, "k10", 200.0, wrong=1),
    row("faiss-hnsw", "k10", 20.0, exact=False, recall=0.875),
]
RADIUS = """\
Of 9 answers compared with brute force 0 differ.

Another exact method is faster in 0 of 1 by single calls

and in 0 of 1 by batches

| kind | bits | codes | question | results | p50 / p99 | plan: foretold | x flat | x best peer | batch | x flat | x best peer |
|---|---|---|---|---|---|---|---|---|---|---|---|
| uniform | 64 | 1,000 | r3 | 1.0 | 5.00 / 10.0 | multi: 4.00 | 40 | 20 (numpy, 50.0) | 2.50 | 40 | 20 (numpy, 25.0) |"""  # noqa: E501
NEAREST = """\
Of 9 answers compared with brute force 1 differ.

Another exact method is faster in 1 of 1 by single calls
- uniform 64 bits, 1,000 codes, k10: **0.50** (faiss-flat, 100)

and in 1 of 1 by batches
- uniform 64 bits, 1,000 codes, k10: **0.50** (faiss-flat, 50.0)

| kind | bits | codes | question | results | p50 / p99 | plan: foretold | x flat | x best peer | batch | x flat | x best peer |
|---|---|---|---|---|---|---|---|---|---|---|---|
| uniform | 64 | 1,000 | k10 | 1.0 | 200 / 400 | - | **0.50** | **0.50** (faiss-flat, 100) | 100 | **0.50** | **0.50** (faiss-flat, 50.0) |"""  # noqa: E501
APPROXIMATE = """\
| kind | bits | codes | question | method | recall | p50 | batch | x hashret's p50 | x its batch |
|---|---|---|---|---|---|---|---|---|---|
| uniform | 64 | 1,000 | k10 | faiss-hnsw | 0.875 | 20.0 | 10.0 | 10.00 | 10.00 |"""
BUILDS = """\
| method | bits | codes | seconds | of these into a file | bytes a code |
|---|---|---|---|---|---|
| hashret | 64 | 1,000 | 1.00 | 0.25 | 16 |
| faiss-flat | 64 | 1,000 | 1.00 | 0.25 | 16 |
| faiss-hnsw | 64 | 1,000 | 1.00 | 0.25 | 16 |
| numpy | 64 | 1,000 | 1.00 | 0.25 | 16 |"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("search-radius", RADIUS),
        ("search-nearest", NEAREST),
        ("search-approximate", APPROXIMATE),
        ("search-build", BUILDS),
    ],
)
def test_the_tables_are_these_words(name, text):
    assert tables.TABLES[name](grid.entries(ROWS)) == text


def test_methods_of_different_runs_compare_by_the_yardstick():
    (entry, _) = grid.entries(ROWS)
    assert entry.lead("numpy", "p50") == 20
    assert entry.ratio(OURS, "p50") == 40


def test_rows_read_as_they_were_written():
    store.append("uniform-64-1000", [{**ROWS[0], "library": "numpy"}])
    (found,) = store.read("*-*-*")
    assert found["p50"] == 100
    assert found["versions"]["numpy"] == np.__version__
    assert len(json.dumps(found)) < 600


def test_the_plot_has_a_line_for_each_method_and_gaps(monkeypatch):
    monkeypatch.setattr(tables, "PLOTTED", (("uniform", 64, 1000),))
    tree = ElementTree.fromstring(tables.drawing(grid.entries(ROWS)))
    lines = [line.get("points").split() for line in tree.iter() if line.tag.endswith("polyline")]
    assert [len(points) for points in lines] == [2, 2, 1]
    assert plot._y(1.0, range(3)) > plot._y(10.0, range(3)) > plot._y(100.0, range(3))
    monkeypatch.setattr(tables, "PLOTTED", ())
    assert tables.drawing(grid.entries(ROWS)) is None
