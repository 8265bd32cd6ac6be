"""The search benchmark's own arithmetic: right answers, verdicts, ratios and tables. Nothing is timed here."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import results, tasks
from benchmarks.search import alone, changes, data, grid, limits, measures, pairs, plot, smoke, store, tables, timing
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
    fast, slow = (timing.Timed([list], lambda n: list, calls=[seconds]) for seconds in (1e-6, 0.02))
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
OVERVIEW = """\
Single calls: microseconds a query, x FAISS's flat scan, x the best exact peer

| codes | bits | number | r3 | k10 |
|---|---|---|---|---|
| uniform | 64 | 1,000 | 5.00 / 40 / 20 | 200 / **0.50** / **0.50** |

Batches of 1,000: microseconds a query, x FAISS's flat scan, x the best exact peer

| codes | bits | number | r3 | k10 |
|---|---|---|---|---|
| uniform | 64 | 1,000 | 2.50 / 40 / 20 | 100 / **0.50** / **0.50** |"""
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
        ("search", OVERVIEW),
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


JOIN = {"kind": "uniform", "bits": 64, "n": 1000, "radius": 3}
REGRET = {"kind": "uniform", "bits": 64, "n": 1000, "calibrated_ms": 3.5}
MEASURED = {
    "pairs": [
        {
            **JOIN,
            "method": "faiss-flat",
            "seconds": 40.0,
            "pairs": 9000,
            "peak_mb": 1200,
            "before_mb": 90,
            "sample": 100,
        },
        {**JOIN, "method": "hammingbird", "failed": "exit status -6"},
        {**JOIN, "method": OURS, "seconds": 0.5, "pairs": 9100, "peak_mb": 120, "before_mb": 100, "wrong": 0},
    ],
    "limits": [
        {"what": "read", "by": "old", "bytes": 1 << 20, "gb_s": 1.0, "run": "1"},
        {"what": "read", "by": "numba xor", "bytes": 1 << 29, "gb_s": 20.0, "run": "2"},
        {"what": "scan", "by": "scan", "n": 1000, "bytes": 8000, "gb_s": 10.0, "best_gb_s": 16.0, "run": "2"},
        {"what": "threads", "question": "r3", "n": 1000, "batch": 1000, "one_q_s": 5000, "two_q_s": 9000, "gain": 1.8}
        | {"run": "2"},
    ],
    "changes": [
        {"n": 1000, "changes": 50, "question": "r3", "p50": 4.5, "fresh_p50": 4.0, "ratio": 1.125, "batch_ms": 0.5}
        | {"wrong": 0, "checked": 400}
    ],
    "whole": [
        {"n": 1000, "what": "start", "name": "imports", "seconds": 0.2, "ratio": 1.0},
        {"n": 1000, "what": "query", "name": "Index.search", "p50": 5.5, "ratio": 0.5},
    ],
    "regret": [
        {
            **REGRET,
            "question": "r3",
            "probing": 5.0,
            "scan": 20.0,
            "planned": 5.5,
            "regret": 1.1,
            "plan": "multi-index",
        },
        {
            **REGRET,
            "question": "k10",
            "probing": 30.0,
            "scan": 20.0,
            "planned": 30.0,
            "regret": 1.5,
            "plan": "multi-index",
        },
    ],
}
WORDS = {
    "pairs": """\
| kind | bits | codes | radius | method | seconds | x ours | pairs | peak MB | at first | wrong |
|---|---|---|---|---|---|---|---|---|---|---|
| uniform | 64 | 1,000 | 3 | hashret | 0.50 | 1.0 | 9,100 | 120 | 100 | 0 |
| uniform | 64 | 1,000 | 3 | faiss-flat | ~40.00 | 80.0 | ~9,000 | 1,200 | 90 | - |
| uniform | 64 | 1,000 | 3 | hammingbird | exit status -6 | - | - | - | - | - |

~: multiplied up from the range searches of 100 codes.
Wrong: of 50 codes, those that have other partners than brute force finds, where it was asked.""",
    "limits": """\
| one core | GB/s | of the memory's |
|---|---|---|
| memory read by one core (numba xor of 512 MB), best | 20.0 | 1.00 |
| hashret's way `scan` over 1,000 codes of 64 bits, median | 10.0 | 0.50 |
| hashret's way `scan` over 1,000 codes of 64 bits, best | 16.0 | 0.80 |

| clustered codes | question | batch | queries/s, one thread | two threads | gain |
|---|---|---|---|---|---|
| 1,000 | r3 | 1,000 | 5,000 | 9,000 | 1.8 |""",
    "changes": """\
| codes | changes | question | p50 | p50 of a fresh index | ratio | batch, two queries: ms | wrong |
|---|---|---|---|---|---|---|---|
| 1,000 | 50 | r3 | 4.5 | 4.0 | 1.125 | 0.5 | 0 of 400 |""",
    "whole": """\
| codes | fresh process | seconds | ratio |
|---|---|---|---|
| 1,000 | imports | 0.2 | 1.0 |

| codes | call | p50 | ratio to search and rows |
|---|---|---|---|
| 1,000 | Index.search | 5.5 | 0.5 |""",
    "regret": """\
2 cases: mean regret 1.30, largest 1.50.

| kind | bits | codes | cases | mean regret | largest | of | planned way is the better | calibrated: ms |
|---|---|---|---|---|---|---|---|---|
| uniform | 64 | 1,000 | 2 | 1.30 | 1.50 | k10 | 1 | 3.5 |""",
}


@pytest.mark.parametrize("name", measures.TABLES)
def test_the_tables_of_measures_are_these_words(name):
    assert measures.TABLES[name](MEASURED[name]) == WORDS[name]


def test_every_table_is_written():
    store.append("uniform-64-1000", ROWS)
    store.append("pairs", MEASURED["pairs"])
    tables.main()
    written = {path.name for path in store.RESULTS.glob("search*.md")}
    assert written == {f"{name}.md" for name in (*tables.TABLES, "search-pairs")}


@pytest.mark.parametrize("name", pairs.METHODS)
def test_self_joins_find_all_pairs(name):
    if why := METHODS[name].missing():
        pytest.skip(why)
    codes = data.codes("clustered", 64, 2000)[0]
    near = np.triu(distances(codes, codes) <= 3, 1).sum()
    row = pairs.measure(name, codes, 3)
    assert (row["pairs"], row["wrong"]) == (near, 0)


def test_a_join_that_misses_a_pair_is_found_out(monkeypatch, tmp_path):
    monkeypatch.setattr(pairs, "PROVED", 2000)
    codes = data.codes("clustered", 64, 2000)[0]
    join = pairs.Flat(codes, tmp_path)
    monkeypatch.setattr(join, "columns", lambda chunk: tuple(part[1:] for part in pairs.Flat.columns(join, chunk)))
    assert pairs.prove(join, codes, 3) >= 2


def test_many_changes_leave_what_the_model_says(tmp_path):
    rows = changes.measure(2000, 300, tmp_path, FEW)
    assert [(row["question"], row["wrong"]) for row in rows] == [("r3", 0), ("k10", 0)]


def test_a_change_that_is_lost_is_found_out(tmp_path):
    codes, queries = data.codes("clustered", 64, 2000)
    with changes.filled(tmp_path / "codes.db", codes) as index:
        model = changes.Model(index, codes)
        model.codes["entry/000000000"] = ~queries[0]
        assert changes.wrong(model, np.stack([~queries[0], queries[1]])) >= 1


def test_two_threads_of_nothing_are_counted():
    calls = []
    assert limits.rate(lambda: calls.append(1), 2, 0.01) > 0
    assert len(calls) >= 2


def test_the_smoke_run_names_what_is_wrong():
    rows = [row("numpy", "r3", 1.0, wrong=2), row("faiss-ivf", "k10", 1.0, recall=0.01), row(OURS, "r3", 1.0)]
    assert smoke.wrong(rows) == [
        "uniform 64 bits r3 numpy: 2 wrong",
        "uniform 64 bits k10 faiss-ivf: recall 0.010",
    ]


@pytest.mark.slow
def test_the_smoke_run_of_the_search_benchmark():
    root = Path(__file__).resolve().parents[1]
    run = subprocess.run([sys.executable, "-m", "benchmarks.search.smoke"], cwd=root, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "every answer right" in run.stdout
