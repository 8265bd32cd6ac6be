"""Each binarizer: what it gives, and what its gradient is."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from hashret import family
from hashret.model.binarize import BINARIZERS, COLD, WARM, chosen, straight

VALUES = [[-2.0, 0.0, 0.5], [1.0, 3.0, -0.25]]
COEFFICIENTS = [[1.0, 2.0, -4.0], [0.5, -1.0, 3.0]]
MANY = 40_000


@pytest.fixture(autouse=True)
def _same_draws():
    torch.manual_seed(0)


def passed(name: str, aid: object = None, done: float = 0.0) -> tuple[Tensor, Tensor]:
    """What comes of VALUES, and the gradient that they get where that has COEFFICIENTS."""
    values = torch.tensor(VALUES, requires_grad=True)
    out = BINARIZERS[name](values, aid, done)
    (out * torch.tensor(COEFFICIENTS)).sum().backward()
    return out.detach(), values.grad


def draws(name: str, value: float, aid: object = None, done: float = 0.0) -> np.ndarray:
    """What comes of one value, again and again."""
    return BINARIZERS[name](torch.full((MANY, 1), value), aid, done)[:, 0].numpy()


def test_the_table_has_the_names_of_the_family():
    assert tuple(BINARIZERS) == family.BINARIZERS
    assert set(family.NORMALISED) < set(family.BINARIZERS)


def test_straight_is_one_forward_and_the_other_back():
    hard, soft = torch.tensor([1.0, -1.0], requires_grad=True), torch.tensor([0.3, 5.0], requires_grad=True)
    out = straight(hard, soft)
    out.backward(torch.tensor([2.0, 7.0]))
    assert out.tolist() == [1.0, -1.0]
    assert (soft.grad.tolist(), hard.grad) == ([2.0, 7.0], None)


def test_sign_counts_zero_as_minus_one_and_lets_the_gradient_through():
    out, gradient = passed("sign")
    assert out.tolist() == [[-1, -1, 1], [1, 1, -1]]
    assert gradient.tolist() == COEFFICIENTS


def test_thresholds_are_subtracted_and_learn_the_opposite_of_what_the_values_learn():
    aid = torch.tensor([0.0, -1.0, 0.5], requires_grad=True)
    out, gradient = passed("thresholds", aid)
    assert out.tolist() == [[-1, 1, -1], [1, 1, -1]]
    assert gradient.tolist() == COEFFICIENTS
    assert aid.grad.tolist() == [-1.5, -1.0, 1.0]


@pytest.mark.parametrize("count", [1, 2, 7, 64, 101])
@pytest.mark.parametrize("levels", [2, 1000])
def test_half_of_a_batch_is_on_and_none_that_is_off_has_a_larger_value(count, levels):
    values = torch.randint(levels, (count, 5)).float()
    out = BINARIZERS["half"](values, None, 0.0)
    assert (out > 0).sum(0).tolist() == [count - count // 2] * 5
    assert set(out.unique().tolist()) <= {-1.0, 1.0}
    on, off = torch.where(out > 0, values, torch.inf), torch.where(out > 0, -torch.inf, values)
    assert (on.amin(0) >= off.amax(0)).all()


def test_half_lets_the_gradient_through():
    out, gradient = passed("half")
    assert out.tolist() == [[-1, -1, 1], [1, 1, -1]]
    assert gradient.tolist() == COEFFICIENTS


@pytest.mark.parametrize(("done", "beta"), [(0.0, 1.0), (0.5, 5.5), (1.0, 10.0)])
def test_tanh_gets_steeper(done, beta):
    out, gradient = passed("tanh", None, done)
    expected = np.tanh(beta * np.array(VALUES))
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, beta * (1 - expected**2) * COEFFICIENTS, atol=1e-5)


@pytest.mark.parametrize("value", [-2.0, 0.0, 0.7])
def test_a_bernoulli_bit_is_on_as_often_as_the_sigmoid_says(value):
    out = draws("bernoulli", value)
    assert set(out) == {-1.0, 1.0}
    assert abs((out > 0).mean() - 1 / (1 + math.exp(-value))) < 0.01


def test_bernoulli_has_the_gradient_of_its_mean():
    chance = 1 / (1 + np.exp(-np.array(VALUES)))
    np.testing.assert_allclose(passed("bernoulli")[1], 2 * chance * (1 - chance) * COEFFICIENTS, rtol=1e-5)


@pytest.mark.parametrize("value", [-2.0, 0.0, 0.7])
@pytest.mark.parametrize("done", [0.0, 1.0])
def test_a_concrete_bit_is_on_as_often_as_the_sigmoid_says(value, done):
    assert abs((draws("concrete", value, None, done) > 0).mean() - 1 / (1 + math.exp(-value))) < 0.01


@pytest.mark.parametrize(("done", "temperature"), [(0.0, WARM), (1.0, COLD)])
def test_a_concrete_bit_has_the_distribution_of_its_temperature(done, temperature):
    """P(2 s - 1 < y) with s = sigmoid((z + L) / t) is sigmoid(t logit(s) - z)."""
    out = draws("concrete", 0.5, None, done)
    for share in (0.05, 0.3, 0.9):
        below = 1 / (1 + math.exp(0.5 - temperature * math.log(share / (1 - share))))
        assert abs((out < 2 * share - 1).mean() - below) < 0.01


def test_a_cold_concrete_bit_is_near_minus_one_or_one(monkeypatch):
    monkeypatch.setattr("hashret.model.binarize.COLD", 0.01)
    assert (np.abs(draws("concrete", 0.3, None, 1.0)) > 0.99).mean() > 0.97


def test_noise_has_a_standard_deviation_of_four():
    for value in (-3.0, 0.0, 2.0):
        below = (1 + math.erf(-value / 4 / math.sqrt(2))) / 2
        assert abs((draws("noise", value) > 0).mean() - (1 - below)) < 0.01
    sums = 2 * np.arctanh(draws("noise", 0.0).astype(np.float64).clip(-0.999999, 0.999999))
    assert abs(np.percentile(sums, 84.134) - 4) < 0.1


def test_sigmoid_goes_from_minus_one_to_one():
    out, gradient = passed("sigmoid")
    chance = 1 / (1 + np.exp(-np.array(VALUES)))
    np.testing.assert_allclose(out, 2 * chance - 1, atol=1e-6)
    np.testing.assert_allclose(gradient, 2 * chance * (1 - chance) * COEFFICIENTS, rtol=1e-5)


def test_only_the_largest_values_are_on_and_learn():
    out, gradient = passed("top-k", 2)
    assert out.tolist() == [[-1, 1, 1], [1, 1, -1]]
    assert gradient.tolist() == [[0, 2.0, -4.0], [0.5, -1.0, 0]]


def test_linear_changes_nothing():
    out, gradient = passed("linear")
    assert (out.tolist(), gradient.tolist()) == (VALUES, COEFFICIENTS)


def test_gaussian_has_the_mean_and_the_variance_given():
    out = draws("gaussian", 1.5, torch.tensor(math.log(0.25)))
    assert abs(out.mean() - 1.5) < 0.02
    assert abs(out.std() - 0.5) < 0.01


def test_the_variance_of_gaussian_learns_through_the_draw():
    aid = torch.zeros(2, 3, requires_grad=True)
    out, gradient = passed("gaussian", aid)
    assert gradient.tolist() == COEFFICIENTS
    np.testing.assert_allclose(aid.grad, (out - torch.tensor(VALUES)) / 2 * torch.tensor(COEFFICIENTS), atol=1e-5)


def test_codebook_takes_the_nearest_entry_of_each_part():
    values, entries = torch.randn(50, 6), torch.randn(3, 4, 2, requires_grad=True)
    out = BINARIZERS["codebook"](values.requires_grad_(), entries, 0.0)
    for row, found in zip(values.detach().reshape(50, 3, 2), out.detach().reshape(50, 3, 2), strict=True):
        for part in range(3):
            best = min(entries[part].tolist(), key=lambda entry: math.dist(entry, row[part].tolist()))
            np.testing.assert_allclose(found[part], best, atol=1e-6)
    (out * 3).sum().backward()
    assert (values.grad == 3).all()
    assert entries.grad is None


def test_the_entries_that_are_chosen_learn():
    entries = torch.tensor([[[0.0], [10.0]]], requires_grad=True)
    picked = chosen(torch.tensor([[1.0], [9.0], [8.0]]), entries)
    picked.sum().backward()
    assert picked.flatten().tolist() == [0, 10, 10]
    assert entries.grad.flatten().tolist() == [1, 2]
