"""The benchmark of near duplicates: what it plants, and its arithmetic."""

import json
import random

import numpy as np
import pytest

from benchmarks.dedup import planted, run, tables
from benchmarks.dedup.methods import METHODS, Answer, Method
from benchmarks.dedup.planted import EDITS, Edit, apart, edited, mistyped, plant, words_of

TEXT = "The quick fox, which was brown, jumped over it. A lazy dog slept; it never woke."
LIKES = {"quick": ["rapid"], "dog": ["hound"], "fox": ["vixen"]}


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "RESULTS", tmp_path / "dedup")


def test_a_text_has_one_copy_at_most_and_every_strength_as_many():
    texts = [f"{TEXT} {number}" for number in range(40)]
    truth = plant(texts, LIKES, 8)
    assert len(truth.texts) == 72
    assert sorted(truth.strength.tolist()) == [0] * 40 + sorted([1, 2, 3, 4] * 8)
    assert np.array_equal(truth.origin >= 0, truth.strength > 0)
    copies = np.flatnonzero(truth.origin >= 0)
    assert len(set(truth.origin[copies].tolist())) == 32
    assert (truth.strength[truth.origin[copies]] == 0).all()
    assert sorted(text for text, where in zip(truth.texts, truth.origin, strict=True) if where < 0) == sorted(texts)
    assert len(truth.pairs()) == 32
    assert plant(texts, LIKES, 8).texts == truth.texts


def test_each_edit_does_what_it_says():
    rng = random.Random(0)
    assert edited(TEXT, Edit(0, 0, 0), LIKES, TEXT, rng) == TEXT
    assert edited(TEXT, Edit(0, 0, 1), LIKES, TEXT, rng) == TEXT.replace("quick", "rapid").replace(
        "fox", "vixen"
    ).replace("dog", "hound")
    assert edited(TEXT, Edit(0, 1, 0), LIKES, TEXT, rng) == TEXT
    shuffled = edited(TEXT, Edit(0, 0, 0, shuffle=True), LIKES, TEXT, rng)
    assert sorted(shuffled.split()) == sorted(TEXT.split())
    assert shuffled != TEXT
    cut = edited(TEXT, Edit(0, 0, 0, cut=0.5), LIKES, "A word, of another.", random.Random(1))
    assert len(words_of(cut)) < len(words_of(TEXT))
    assert "word" in cut or "another" in cut


def test_stronger_edits_leave_less():
    texts = [f"{TEXT} {number}" for number in range(200)]
    truth = plant(texts, LIKES, 50)
    shares = []
    for strength in range(1, len(EDITS) + 1):
        places = np.flatnonzero(truth.strength == strength)
        same = [set(words_of(truth.texts[n])) & set(words_of(truth.texts[truth.origin[n]])) for n in places]
        shares.append(np.mean([len(words) for words in same]))
    assert shares[0] > shares[1] > shares[3]


def test_a_mistyped_word_is_one_edit_away():
    rng = random.Random(0)
    assert mistyped("is", rng) == "is"
    for _ in range(50):
        wrong = mistyped("jumped", rng)
        assert abs(len(wrong) - 6) <= 1
        assert wrong[0] == "j"


def test_texts_that_share_half_of_their_words_are_left_out():
    assert apart(["a b c d", "a b x y", "a b c x", "e f"]) == ["a b c d", "a b x y", "e f"]


def test_answers_are_judged_by_strength():
    truth = planted.Planted(["a", "b", "c", "d", "e"], np.array([-1, 0, -1, 2, -1]), np.array([0, 1, 0, 4, 0]))
    row = run.judged(truth, "ours", [Answer("3 bits", [(1, 0), (2, 3), (4, 0)], 1.234, True)])[0]
    assert row == {
        "method": "ours",
        "limits": "3 bits",
        "default": True,
        "said": 3,
        "right": [1, 0, 0, 1],
        "planted": [1, 0, 0, 1],
        "texts": 5,
        "seconds": 1.23,
    }
    assert (tables.precision(row), tables.recall(row), tables.balance(row)) == (2 / 3, 1, 0.8)


def test_what_is_not_installed_is_told_and_what_is_stored_stays(monkeypatch, capsys, tmp_path):
    truth = planted.Planted(["a", "b"], np.array([-1, 0]), np.array([0, 1]))
    answers = [Answer("wide", [(1, 0)], 0.5), Answer("narrow", [], 0.1, True)]
    monkeypatch.setitem(METHODS, "x", Method(lambda texts, folder: iter(answers)))
    monkeypatch.setitem(METHODS, "y", Method(lambda texts, folder: iter(answers), ("no_such_package",)))
    run.compare("test", truth, ["x", "y"], tmp_path)
    run.compare("test", truth, ["x"], tmp_path)
    assert capsys.readouterr().out == ("x: 2 answers\ny is left out: no_such_package not installed\nx: 2 answers\n")
    assert [json.dumps(row["limits"]) for row in run.stored("test")] == ['"wide"', '"narrow"']


def test_the_table_has_the_default_and_the_best_limits():
    rows = [
        {"method": "x", "limits": "1", "default": True, "said": 1, "right": [1, 0], "planted": [2, 2], "seconds": 1},
        {"method": "x", "limits": "2", "default": False, "said": 4, "right": [2, 1], "planted": [2, 2], "seconds": 2},
    ]
    assert tables.best(rows) == [
        ["x", "default", "1", "1.000", "0.250", "0.400", "0.50", "0.00", "1.0"],
        ["x", "best F1", "2", "0.750", "0.750", "0.750", "1.00", "0.50", "2.0"],
    ]
    assert tables.curve(rows) == [["x", "0.250", "0.250", "0.250", "0.250"]]
