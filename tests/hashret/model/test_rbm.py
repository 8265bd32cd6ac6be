from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hashret.model.rbm import (
    DECAY,
    MOMENTUM,
    RATES,
    RBM,
    contrastive_divergence,
    free_energy,
    fresh,
    hidden_given,
    pretrain,
    sampled_visible,
    scale,
    visible_given,
)
from hashret.rows import Sparse

UNITS = sorted(RATES)
WEIGHT = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
VISIBLE, HIDDEN = np.array([0.1, -0.2, 0.4]), np.array([-0.3, 0.6])
ROWS = np.array([[1.0, 0.0, 2.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0], [3.0, 1.0, 1.0]])


def machine(units, weight=WEIGHT, visible=VISIBLE, hidden=HIDDEN):
    return RBM(*(torch.tensor(part, dtype=torch.float32) for part in (weight, visible, hidden)), units)


def dense(rows):
    return torch.tensor(rows, dtype=torch.float32)


def sparse(rows):
    owners, indices = np.nonzero(rows)
    indptr = np.searchsorted(owners, np.arange(len(rows) + 1))
    return Sparse(indptr, indices.astype(np.int32), rows[owners, indices].astype(np.float32), rows.shape[1])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def asked(loss, **others):
    return SimpleNamespace(**{"seed": 0, "batch": 16, "steps": 40, "cd_steps": 1, "loss": loss, **others})


def learn(rows, units, widths=(8,), seed=0, **others):
    return pretrain(rows, widths, asked(units, **others), np.random.default_rng(seed), lambda done, total: None)


def energy(units, v, h):
    """E(v, h) as the module writes it."""
    bias = HIDDEN * v.sum() if units == "multinomial" else HIDDEN
    alone = ((v - VISIBLE) ** 2).sum() / 2 if units == "squared" else -VISIBLE @ v
    return alone - bias @ h - v @ WEIGHT @ h


def configurations(width):
    return np.array(list(product([0.0, 1.0], repeat=width)))


@pytest.mark.parametrize("form", [dense, sparse])
@pytest.mark.parametrize("units", UNITS)
def test_hidden_units_are_on_with_the_sigmoid_of_their_input(units, form):
    bias = ROWS.sum(1, keepdims=True) * HIDDEN if units == "multinomial" else HIDDEN
    expected = sigmoid(ROWS @ WEIGHT + bias)
    np.testing.assert_allclose(hidden_given(machine(units), form(ROWS)), expected, rtol=1e-5)


@pytest.mark.parametrize("units", UNITS)
def test_visible_units_are_what_their_kind_expects(units):
    hidden, total = np.array([[1.0, 0.0], [0.25, 1.0]]), np.array([[5.0], [0.0]])
    inputs = VISIBLE + hidden @ WEIGHT.T
    words = total * np.exp(inputs) / np.exp(inputs).sum(1, keepdims=True)
    expected = {"bernoulli": sigmoid(inputs), "squared": inputs}.get(units, words)
    np.testing.assert_allclose(visible_given(machine(units), dense(hidden), dense(total)), expected, rtol=1e-5)


def as_dense(rows):
    if isinstance(rows, torch.Tensor):
        return rows
    out = np.zeros((len(rows), rows.width), dtype=np.float32)
    np.add.at(out, (rows.owners(), rows.indices), rows.data)
    return torch.from_numpy(out)


@pytest.mark.parametrize("units", UNITS)
def test_samples_have_the_expected_mean_and_the_variance_of_their_kind(units):
    hidden, total = torch.tensor([[1.0, 0.0]]).repeat(20_000, 1), torch.full((20_000, 1), 4.0)
    mean = visible_given(machine(units), hidden[:1], total[:1])[0]
    drawn = as_dense(sampled_visible(machine(units), hidden, total, seeded()))
    shares = {"bernoulli": mean * (1 - mean), "squared": torch.ones(3), "poisson": mean}
    np.testing.assert_allclose(drawn.mean(0), mean, atol=0.05)
    np.testing.assert_allclose(drawn.var(0), shares.get(units, mean * (1 - mean / 4)), atol=0.06)


def test_multinomial_samples_keep_the_sum_of_their_row():
    total = torch.tensor([[0.0], [0.3], [2.6], [7.0]])
    drawn = as_dense(sampled_visible(machine("multinomial"), torch.ones(4, 2), total, seeded()))
    np.testing.assert_allclose(drawn.sum(1, keepdim=True), total, rtol=1e-6)
    assert set(np.round(drawn[2].numpy() / (2.6 / 3), 4)) <= {0.0, 1.0, 2.0, 3.0}


@pytest.mark.parametrize("form", [dense, sparse])
@pytest.mark.parametrize("units", UNITS)
def test_free_energy_sums_over_every_hidden_state(units, form):
    found = free_energy(machine(units), form(ROWS))
    for v, value in zip(ROWS, found.tolist(), strict=True):
        total = sum(np.exp(-energy(units, v, h)) for h in configurations(2))
        np.testing.assert_allclose(value, -np.log(total), rtol=1e-5)


def likelihoods(rbm):
    """All v and p(v), through the energies of all pairs (v, h)."""
    weight, visible, hidden = (part.double().numpy() for part in (rbm.weight, rbm.visible, rbm.hidden))
    v, h = configurations(len(visible)), configurations(len(hidden))
    joint = np.exp((v @ visible)[:, None] + h @ hidden + v @ weight @ h.T)
    return v, joint.sum(1) / joint.sum()


def test_binary_free_energies_are_the_probabilities_of_all_rows():
    v, expected = likelihoods(machine("bernoulli"))
    unscaled = torch.exp(-free_energy(machine("bernoulli"), dense(v)))
    np.testing.assert_allclose(unscaled / unscaled.sum(), expected, rtol=1e-5)


def chain(rows, units):
    """CD-1 by hand, its hidden states the same draws."""
    bias = HIDDEN * (rows.sum(1, keepdims=True) if units == "multinomial" else 1)
    first = sigmoid(rows @ WEIGHT + bias)
    inputs = VISIBLE + torch.bernoulli(dense(first), generator=seeded(3)).numpy() @ WEIGHT.T
    values = inputs if units == "squared" else sigmoid(inputs)
    last = sigmoid(values @ WEIGHT + bias)
    weight = (np.einsum("ni,nj->ij", rows, first) - np.einsum("ni,nj->ij", values, last)) / len(rows)
    return weight, (rows - values).mean(0), (first - last).mean(0)


@pytest.mark.parametrize("form", [dense, sparse])
@pytest.mark.parametrize("units", ["bernoulli", "squared"])
def test_one_step_equals_the_step_written_out(units, form):
    rows = ROWS / 3
    for found, expected in zip(
        contrastive_divergence(machine(units), form(rows), 1, seeded(3)), chain(rows, units), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("form", [dense, sparse])
def test_a_step_over_words_equals_the_step_written_out_where_every_draw_is_certain(form, steps):
    weight = np.array([[40.0, 40.0], [-40.0, -40.0], [-40.0, -40.0]])  # a hidden unit turns on, and all N words are 0
    bias = np.array([0.1, -0.1])
    rows = np.array([[2.5, 0.0, 0.0], [1.0, 0.25, 0.0]])
    parts = contrastive_divergence(machine("multinomial", weight, VISIBLE, bias), form(rows), steps, seeded())
    values = np.array([[2.5, 0.0, 0.0], [1.25, 0.0, 0.0]])
    np.testing.assert_allclose(parts[0], (rows - values).mean(0)[:, None].repeat(2, 1), atol=1e-6)
    np.testing.assert_allclose(parts[1], (rows - values).mean(0), atol=1e-6)
    np.testing.assert_allclose(parts[2], 0, atol=1e-6)


@pytest.mark.parametrize("units", ["poisson", "multinomial"])
def test_steps_over_words_are_on_average_the_rows_less_what_the_hidden_units_say(units):
    rows = np.tile([[2.0, 0.0, 1.0]], (40_000, 1))
    on = sigmoid(rows[:1] @ WEIGHT + HIDDEN * (3 if units == "multinomial" else 1))[0]
    said = sum(
        np.prod(np.where(h, on, 1 - on)) * visible_given(machine(units), dense(h[None]), torch.tensor([[3.0]]))[0]
        for h in configurations(2)
    )
    _, visible, _ = contrastive_divergence(machine(units), sparse(rows), 1, seeded())
    np.testing.assert_allclose(visible, rows[0] - said.numpy(), atol=0.03)


def test_a_chain_of_two_rounds_draws_the_visible_units_between():
    rbm = machine("squared", [[4.0]], [-3.0], [-8.0])  # on for the row of 100, so that v of the first round is N(1, 1)
    _, visible, _ = contrastive_divergence(rbm, torch.full((40_000, 1), 100.0), 2, seeded())
    between = np.linspace(-7, 9, 4001)
    on = np.average(sigmoid(4 * between - 8), weights=np.exp(-((between - 1) ** 2) / 2))
    np.testing.assert_allclose(visible, [100 - (4 * on - 3)], atol=0.05)


def test_hidden_units_answer_to_the_words_drawn_not_to_their_mean():
    rows = np.tile([[0.0, 1.0, 0.0]], (40_000, 1))
    on = sigmoid(rows[:1] @ WEIGHT + HIDDEN)[0]
    shares = sum(
        np.prod(np.where(h, on, 1 - on))
        * visible_given(machine("multinomial"), dense(h[None]), torch.ones(1, 1))[0].numpy()
        for h in configurations(2)
    )
    weight, _, _ = contrastive_divergence(machine("multinomial"), sparse(rows), 1, seeded())
    expected = rows[0][:, None] * on - shares[:, None] * sigmoid(WEIGHT + HIDDEN)
    np.testing.assert_allclose(weight, expected, atol=0.01)


@pytest.mark.parametrize(("units", "climb"), [("poisson", 1.0), ("multinomial", 30.5)])
def test_the_hidden_bias_climbs_by_the_row_sum_for_multinomial_units(units, climb):
    rbm = machine(units, [[40.0], [-40.0]], [-1000.0, 0.0], [0.0])  # on for word 0, though all that is drawn is word 1
    _, _, hidden = contrastive_divergence(rbm, sparse(np.array([[30.5, 0.0]])), 1, seeded())
    np.testing.assert_allclose(hidden, [climb])


def test_many_steps_climb_the_likelihood():
    rng = np.random.default_rng(0)
    rbm = machine("bernoulli", rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3))
    data = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0]])
    v, probability = likelihoods(rbm)
    on = [hidden_given(rbm, dense(rows)).numpy() for rows in (data, v)]
    share = [np.full(3, 1 / 3), probability]
    exact = [[(p[:, None] * rows).T @ h, p @ rows, p @ h] for p, rows, h in zip(share, (data, v), on, strict=True)]
    slope = np.concatenate([(here - there).ravel() for here, there in zip(*exact, strict=True)])
    found = contrastive_divergence(rbm, dense(np.tile(data, (3000, 1))), 30, seeded())
    found = np.concatenate([part.numpy().ravel() for part in found])
    assert slope @ found / np.linalg.norm(slope) / np.linalg.norm(found) > 0.98
    np.testing.assert_allclose(np.linalg.norm(found) / np.linalg.norm(slope), 1, atol=0.15)


@pytest.mark.parametrize("units", UNITS)
def test_the_first_biases_give_the_mean_row(units):
    rows = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]])
    rbm = fresh(sparse(rows), 50, units, seeded())
    mean = visible_given(rbm, torch.zeros(1, 50), torch.tensor([[1.25]]))[0]
    np.testing.assert_allclose(mean, rows.mean(0), atol=0.01)
    np.testing.assert_allclose(rbm.weight.std(), 0.01, rtol=0.2)


def by_hand(rows, width, units, rng, generator, slowness=1.0):
    """Twenty steps of four rows, written out."""
    rbm = fresh(rows, width, units, generator)
    parts, speeds = (rbm.weight, rbm.visible, rbm.hidden), [0.0, 0.0, 0.0]
    for step in range(20):
        order = rng.permutation(4)
        batch = rows.take(order) if isinstance(rows, Sparse) else rows[order]
        slopes = contrastive_divergence(rbm, batch, 2, generator)
        for at, (part, slope) in enumerate(zip(parts, slopes, strict=True)):
            decay = DECAY * part if at == 0 else 0.0
            speeds[at] = MOMENTUM[step >= 2] * speeds[at] + slope - decay
            part += RATES[units] * speeds[at] / (slowness if at == 2 else 1)
    return rbm


@pytest.mark.parametrize("units", UNITS)
def test_each_layer_climbs_with_momentum_and_decay_over_the_hidden_probabilities_below(units):
    rng = np.random.default_rng(7)
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    slowness = ROWS.sum(1).mean() ** 2 if units == "multinomial" else 1.0
    below = by_hand(sparse(ROWS), 5, units, rng, generator, slowness)
    above = by_hand(hidden_given(below, sparse(ROWS)), 3, "bernoulli", rng, generator)
    found = learn(sparse(ROWS), units, widths=(5, 3), seed=7, cd_steps=2)
    for rbm, expected in zip(found, (below, above), strict=True):
        assert rbm.units == expected.units
        for name in ("weight", "visible", "hidden"):
            np.testing.assert_allclose(getattr(rbm, name), getattr(expected, name), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", [sparse, np.float32])
@pytest.mark.parametrize(
    ("units", "factor"), [("bernoulli", 1), ("poisson", 4), ("multinomial", 4), ("squared", 10**0.5)]
)
def test_scale_makes_words_one_and_reals_of_variance_one_on_average(units, factor, form):
    rows = np.array([[0.1, 0.4, 0.0], [0.0, 0.0, 0.25]])
    if units == "squared":
        rows = np.array([[0.2, -0.4, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(scale(form(rows), units), factor, rtol=1e-6)
    assert scale(form(rows * 0), units) == 1


PATTERNS = {
    "bernoulli": np.repeat(np.eye(3), 4, 1),
    "squared": np.repeat(np.eye(3), 4, 1) * 6 - 2,
    "poisson": np.repeat(np.eye(3), 4, 1) * 2.5,
    "multinomial": np.repeat(np.eye(3), 4, 1) * 2.5,
}


def misfit(rbm, rows):
    rebuilt = visible_given(rbm, hidden_given(rbm, rows), rows.sum(1, keepdim=True))
    return ((rebuilt - rows) ** 2).mean().item()


@pytest.mark.parametrize("units", UNITS)
def test_training_makes_the_rows_likely_and_rebuilds_them(units):
    rows = np.tile(PATTERNS[units], (20, 1)).astype(np.float32)
    mixed = np.random.default_rng(1).permuted(rows, axis=1)  # the same values, out of their places
    after = learn(rows, units, steps=1200)[0]
    before = fresh(dense(rows), 8, units, seeded())
    gaps = [(free_energy(rbm, dense(mixed)) - free_energy(rbm, dense(rows))).mean() for rbm in (before, after)]
    assert gaps[1] > gaps[0] + 3
    assert misfit(after, dense(rows)) < 0.3 * misfit(before, dense(rows))


@pytest.mark.parametrize("units", UNITS)
def test_sparse_rows_of_which_some_are_empty_learn_finite_weights_that_the_seed_decides(units):
    rows = np.random.default_rng(2).random((40, 12)) * (np.random.default_rng(3).random((40, 12)) < 0.2)
    rows[::5] = 0
    one, same, other = (learn(sparse(rows), units, widths=(8, 4), seed=seed, cd_steps=2) for seed in (0, 0, 1))
    for a, b, c in zip(one, same, other, strict=True):
        assert torch.isfinite(torch.cat([a.weight.ravel(), a.visible, a.hidden])).all()
        assert torch.equal(a.weight, b.weight)
        assert not torch.equal(a.weight, c.weight)


@pytest.mark.parametrize("rows", [np.ones((1, 6)), np.zeros((1, 6)), np.zeros((3, 6)), np.eye(6)])
@pytest.mark.parametrize("form", [sparse, np.float32])
@pytest.mark.parametrize("units", UNITS)
def test_few_or_empty_rows_learn_finite_weights(units, form, rows):
    for rbm in learn(form(rows), units, widths=(4, 2), batch=64, cd_steps=2, steps=6):
        assert torch.isfinite(torch.cat([rbm.weight.ravel(), rbm.visible, rbm.hidden])).all()
        assert rbm.weight.abs().max() > 0


def test_sparse_and_dense_rows_learn_the_same():
    rows = np.random.default_rng(4).random((30, 5)) * (np.random.default_rng(5).random((30, 5)) < 0.5)
    one, other = (learn(made, "multinomial") for made in (sparse(rows), rows.astype(np.float32)))
    np.testing.assert_allclose(one[0].weight, other[0].weight, rtol=1e-3, atol=1e-5)


def test_progress_counts_every_step_of_every_layer():
    calls = []
    settings = asked("squared", steps=10)
    pretrain(ROWS.astype(np.float32), (4, 3), settings, np.random.default_rng(0), lambda *at: calls.append(at))
    assert calls == [(done, 10) for done in range(1, 11)]


def test_training_leaves_global_chance_and_its_rows_alone():
    rows = ROWS.astype(np.float32)
    state = torch.get_rng_state()
    learn(rows, "poisson", cd_steps=2)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(rows, ROWS)
