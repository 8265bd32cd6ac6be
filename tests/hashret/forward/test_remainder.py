import numpy as np

from hashret.forward.remainder import Remainder


def test_a_layer_by_hand():
    inner = np.array([[1, 0], [-1, 2]], np.float32)
    layer = Remainder(inner, np.array([0, -1], np.float32), np.array([[1, 10, 0], [0, 1, 5]], np.float32))
    codes = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], np.float32)
    np.testing.assert_array_equal(layer.decode(codes), [[0, 1, 5], [2, 20, 0], [0, 1, 5], [0, 0, 0]])


def test_bits_together_say_what_neither_says_alone():
    """Exclusive or, which no linear decoder has."""
    inner = np.array([[1, -1], [-1, 1]], np.float32)
    layer = Remainder(inner, np.zeros(2, np.float32), np.ones((2, 1), np.float32))
    codes = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], np.float32)
    np.testing.assert_array_equal(layer.decode(codes), [[0], [2], [2], [0]])


def test_a_layer_without_units_adds_nothing():
    np.testing.assert_array_equal(Remainder.none(8, 3).decode(np.ones((2, 8), np.float32)), np.zeros((2, 3)))


def test_state_restores_it():
    layer = Remainder(*(np.random.default_rng(0).normal(size=shape).astype("f4") for shape in ((8, 4), 4, (4, 3))))
    state = layer.state()
    assert sorted(state) == ["remainder.bias", "remainder.inner", "remainder.outer"]
    for name, array in Remainder.load(state, 8, 3).state().items():
        np.testing.assert_array_equal(array, state[name])


def test_without_units_there_is_no_state():
    assert Remainder.none(8, 3).state() == {}
    layer = Remainder.load({}, 8, 3)
    assert [part.shape for part in (layer.inner, layer.bias, layer.outer)] == [(8, 0), (0,), (0, 3)]
