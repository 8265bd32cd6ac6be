import json

import numpy as np

from hashret.curve import MOST, Curve
from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.settings import Settings


def noted(count: int) -> Curve:
    curve = Curve()
    for step in range(1, count + 1):
        curve.note("stage 1", step, 10 / step, step / 1e6)
    return curve


def test_few_steps_are_kept_as_they_are():
    assert noted(3).points() == {"stage 1": [(1, 10.0, 0.0), (2, 5.0, 0.0), (3, 3.33333, 0.0)]}


def test_many_steps_are_means_of_as_many_each():
    points = noted(4 * MOST).points()["stage 1"]
    size = 4 * MOST // len(points)
    assert MOST // 2 <= len(points) <= MOST
    assert [step for step, _, _ in points] == list(range(size, 4 * MOST + 1, size))
    steps = np.arange(1, 4 * MOST + 1).reshape(-1, size)
    np.testing.assert_allclose([loss for _, loss, _ in points], (10 / steps).mean(1), atol=2e-5)
    np.testing.assert_allclose([balance for _, _, balance in points], (steps / 1e6).mean(1), atol=2e-4)


def test_the_last_steps_are_a_point_of_their_own():
    assert noted(MOST + 1).points()["stage 1"][-1] == (MOST + 1, round(10 / (MOST + 1), 5), 0.0004)


def test_one_that_was_read_goes_on_as_the_other():
    for count in (0, 1, MOST - 1, MOST, MOST + 1, 3 * MOST + 7):
        here = noted(count)
        there = Curve.from_json(here.to_json())
        for curve in (here, there):
            curve.note("stage 1", 10_000, 1.0, 0.5)
            curve.note("stage 2", 1, 2.0, 0.25)
        assert here == there


def test_json_is_golden():
    curve = Curve()
    curve.note("codes", 1, 2.3456789, 0.98765)
    assert json.loads(curve.to_json()) == {"codes": [1, [[1, 2.34568, 0.9877]], []]}


def test_the_curve_of_training_is_a_fact_of_the_file_and_no_part_of_the_model(tmp_path, hasher, entries):
    path = str(tmp_path / "d.db")
    with Engine.create(path, hasher) as made:
        made.add(entries)
    with Engine.open(path) as engine:
        assert engine.curve == hasher.curve
        assert engine.hasher.curve == Curve()
        assert engine.hasher.to_bytes() == hasher.to_bytes()
        assert {name: len(points) for name, points in engine.curve.points().items()} == {"stage 1": 80, "stage 2": 80}
        other = Hasher.fit([entry.content for entry in entries], Settings(bits=16, steps=30, batch=32, min_count=1))
        engine.reencode(other)
        assert engine.curve == hasher.curve
        engine.promote()
        assert engine.curve == other.curve
        engine.promote()
        assert engine.curve == hasher.curve
        engine.promote()
        engine.drop()
        names = [name for name in (f"curve {hasher.digest}", f"curve {other.digest}") if engine.index.store.fact(name)]
        assert names == [f"curve {other.digest}"]
        engine.reencode(Hasher.from_bytes(*hasher.to_bytes()))
        engine.promote()
        assert engine.curve == Curve()
