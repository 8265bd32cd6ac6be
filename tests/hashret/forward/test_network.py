"""By hand; equality with torch is shown in model/test_nets.py."""

import math

import numpy as np
import pytest

from hashret import family
from hashret.forward.bottleneck import Bottleneck
from hashret.forward.network import ACTIVATIONS, EXPECTED, Weights, sigmoid
from hashret.scores import softened
from hashret.settings import Settings
from tests.hashret.test_features import sparse

FIRST = (np.array([[1, -1], [2, 0], [0, 3]], np.float32), np.array([0.5, -0.5], np.float32))
SECOND = (np.array([[1], [10]], np.float32), np.array([-2], np.float32))


def test_dense_rows_by_hand():
    rows = np.array([[1, 0, 1], [0, 0, 0]], np.float32)
    # first layer (1.5, 1.5) and (0.5, -0.5); ReLU; second layer
    assert Weights([FIRST, SECOND], []).logits(rows).tolist() == [[14.5], [-1.5]]


def test_sparse_rows_are_the_same_as_dense_ones():
    rows = np.array([[1, 0, 1], [0, 0, 0], [0, 2, 0]], np.float32)
    weights = Weights([FIRST, SECOND], [])
    np.testing.assert_array_equal(weights.logits(sparse(rows)), weights.logits(rows))


def test_a_convolution_by_hand():
    image = np.arange(9, dtype=np.float32)[None]  # 3 x 3
    ones, corner = np.ones((3, 3, 1, 1), np.float32), np.zeros((3, 3, 1, 1), np.float32)
    corner[0, 0] = 1  # looks up and to the left
    # stride 2: windows around the four corners of the image
    dense = (np.eye(8, dtype=np.float32), np.zeros(8, np.float32))
    kernels = (np.concatenate([ones, corner], axis=3), np.array([0.5, 0], np.float32))
    expected = [8.5, 0, 12.5, 0, 20.5, 0, 24.5, 4]
    assert Weights([kernels, dense], []).logits(image).tolist() == [expected]


def test_bits_are_decoded_as_minus_one_and_one():
    decoder = (np.array([[1, 2], [10, 20]], np.float32), np.array([0.5, 0], np.float32))
    assert Weights([], [decoder]).reconstruct(np.array([[1, 0], [1, 1]])).tolist() == [[-8.5, -18], [11.5, 22]]


def test_the_tables_have_the_names_of_the_family():
    assert tuple(ACTIVATIONS) == family.ACTIVATIONS
    assert tuple(EXPECTED) == family.LOSSES


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("relu", lambda z: max(z, 0)),
        ("gelu", lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2),  # of which ours is an approximation
        ("sigmoid", lambda z: 1 / (1 + math.exp(-z))),
        ("tanh", math.tanh),
    ],
)
def test_activations_equal_their_formulas(name, formula):
    values = np.linspace(-5, 5, 41, dtype=np.float32)
    found = ACTIVATIONS[name](values)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [formula(float(z)) for z in values], atol=5e-4 if name == "gelu" else 1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_large_values_are_finite(name):
    low, high = ACTIVATIONS[name](np.array([-1000, 1000], np.float32)).tolist()
    assert (low, high) == {"sigmoid": (0, 1), "tanh": (-1, 1)}.get(name, (0, 1000))


def test_a_sigmoid_does_not_overflow():
    assert sigmoid(np.array([-1000, 0, 1000], np.float32)).tolist() == [0, 0.5, 1]


def test_what_words_expect_is_shares_whatever_the_size_of_the_output():
    output = np.array([[1000, 999, -1000], [0, 0, 0], [math.log(1), math.log(2), math.log(5)]], np.float32)
    found = EXPECTED["multinomial"](output)
    first = 1 / (1 + math.exp(-1))
    np.testing.assert_allclose(found, [[first, 1 - first, 0], [1 / 3] * 3, [1 / 8, 2 / 8, 5 / 8]], rtol=1e-6)


def test_what_other_losses_expect():
    output = np.array([[-1.0, 0.0, 2.0]], np.float32)
    np.testing.assert_array_equal(EXPECTED["squared"](output), output)
    np.testing.assert_allclose(EXPECTED["bernoulli"](output), 1 / (1 + np.exp(-output)), rtol=1e-6)
    np.testing.assert_allclose(EXPECTED["poisson"](output), np.exp(output), rtol=1e-6)


def test_bits_come_from_the_bottleneck_and_go_back_through_it():
    levels = np.array([[-0.5] * 8, [0.25] * 8], np.float32)
    bottleneck = Bottleneck({"shift": np.arange(8, dtype=np.float32), "levels": levels})
    encoder = (np.eye(8, dtype=np.float32), np.full(8, 0.5, np.float32))
    decoder = (np.ones((8, 1), np.float32), np.array([1], np.float32))
    weights, rows = Weights([encoder], [decoder], bottleneck=bottleneck), np.full((1, 8), 2, np.float32)
    assert weights.values(rows).tolist() == [[2.5] * 8]
    assert weights.logits(rows).tolist() == [[2.5, 1.5, 0.5, -0.5, -1.5, -2.5, -3.5, -4.5]]
    assert weights.encode(rows).tolist() == [[0b11100000]]
    codes, sides = weights.ask(rows)
    assert codes.tolist() == [[0b11100000]]
    np.testing.assert_array_equal(sides, softened(weights.logits(rows)))
    assert weights.reconstruct(np.array([[1, 1, 1, 0, 0, 0, 0, 0]])).tolist() == [[1 + 0.75 - 2.5]]
    found = weights.reconstruct_values(np.array([[2.5] * 8], np.float32))
    np.testing.assert_allclose(found, [[1 + 8 * math.tanh(1.25)]], rtol=1e-6)


def test_state_restores_the_same_weights():
    bottleneck = Bottleneck({"active": np.array([1], np.float32)})
    front = {"embedding.weight": np.ones((5, 3), np.float32)}
    weights = Weights([FIRST, SECOND], [SECOND], "gelu", "poisson", front, bottleneck)
    kept = weights.state()
    assert sorted(kept) == [
        "bottleneck.active", "decoder.0.bias", "decoder.0.weight", "encoder.0.bias", "encoder.0.weight",
        "encoder.1.bias", "encoder.1.weight", "front.embedding.weight",
    ]  # fmt: skip
    settings = Settings(kind="plain", activation="gelu", loss="poisson", weighting="count").resolved("text")
    restored = Weights.load({**kept, "features.idf": np.ones(3)}, settings)
    assert (restored.activation, restored.loss, len(restored.encoder)) == ("gelu", "poisson", 2)
    assert all(restored.state()[name] is array for name, array in kept.items())
    assert len(restored.state()) == len(kept)
