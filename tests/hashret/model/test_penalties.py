"""Each penalty against a closed form, torch's distributions, or a Jacobian written out."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.autograd.functional import jacobian
from torch.distributions import Bernoulli, Normal, kl_divergence

from hashret import family
from hashret.model.nets import Autoencoder
from hashret.model.penalties import (
    COMMITMENT,
    PENALTIES,
    Pass,
    adversary,
    bernoulli_kl,
    commitment,
    gaussian_kl,
    jacobian_estimated,
    jacobian_one_layer,
    kl_to_target,
    l1,
    l2,
)  # fmt: skip
from hashret.rows import Sparse
from hashret.settings import Settings
from tests.hashret.test_features import sparse

WIDTH = 7


@pytest.fixture(autouse=True)
def _same_draws():
    torch.manual_seed(0)


def doubles(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def network(**changes: object) -> Autoencoder:
    """A network of 7 inputs and 8 values, in evaluation."""
    net = Autoencoder(WIDTH, Settings(**{"kind": "plain", "bits": 8, "hidden": (), **changes}).resolved("vector"))
    with torch.no_grad():
        for part in net.parameters():
            part += 0.3 * torch.randn_like(part)
    return net.eval()


def rows(count: int = 6) -> np.ndarray:
    matrix = np.random.default_rng(0).normal(size=(count, WIDTH)).astype(np.float32)
    return matrix * (np.abs(matrix) > 0.5)


def penalty(net: Autoencoder, batch: Tensor | Sparse) -> Tensor:
    return PENALTIES[net.settings.penalty](net.see(batch))


def frobenius(function: object, inputs: Tensor) -> float:
    """Mean over entries of |dh / dx|_F^2, entry by entry."""
    return float(np.mean([float((jacobian(function, one[None]) ** 2).sum()) for one in inputs]))


def test_the_table_has_the_names_of_the_family():
    assert tuple(PENALTIES) == family.PENALTIES


def test_no_penalty_is_zero():
    assert penalty(network(penalty="none"), torch.from_numpy(rows())).item() == 0


def test_no_divergence_from_the_target_at_the_target():
    assert kl_to_target(torch.tensor([[0.1, 0.3], [0.3, 0.1]]), 0.2).item() == pytest.approx(0, abs=1e-7)


def test_divergence_from_the_target_is_that_of_the_mean_activity():
    activity = torch.rand(9, 4, dtype=torch.float64)
    expected = kl_divergence(Bernoulli(torch.tensor(0.2, dtype=torch.float64)), Bernoulli(activity.mean(0))).sum()
    torch.testing.assert_close(kl_to_target(activity, 0.2), expected)


@pytest.mark.parametrize("activity", [0.0, 1.0])
def test_units_that_are_always_off_or_on_have_a_finite_divergence(activity):
    assert 1 < kl_to_target(torch.full((3, 2), activity), 0.2).item() < 40


def test_l1_and_l2_by_hand():
    activity = torch.tensor([[1.0, -2.0, 1.0], [0.5, 0.0, 0.0]])
    assert l1(activity).item() == (4 + 0.5) / 2
    assert l2(activity).item() == (6 + 0.25) / 2


def test_gaussian_divergence_is_that_of_the_distributions():
    mean, log_variance = doubles(5, 3), doubles(5, 3)
    prior = Normal(torch.zeros(3, dtype=torch.float64), 1)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), prior).sum(1).mean()
    torch.testing.assert_close(gaussian_kl(mean, log_variance), expected)


def test_bernoulli_divergence_is_that_of_the_distributions():
    logits = doubles(5, 3)
    fair = Bernoulli(torch.full((5, 3), 0.5, dtype=torch.float64))
    torch.testing.assert_close(bernoulli_kl(logits), kl_divergence(Bernoulli(logits=logits), fair).sum(1).mean())


def test_certain_bits_diverge_by_a_bit_each():
    assert bernoulli_kl(torch.tensor([[200.0, -200.0, 200.0]])).item() == pytest.approx(3 * math.log(2))


@pytest.mark.parametrize(
    ("function", "count"),
    [
        (lambda z: kl_to_target(torch.sigmoid(z), 0.2), 1),
        (lambda z: l1(torch.sigmoid(z)), 1),
        (l2, 1),
        (gaussian_kl, 2),
        (bernoulli_kl, 1),
        (jacobian_one_layer, 2),
    ],
    ids=["kl", "l1", "l2", "gaussian", "bernoulli", "jacobian"],
)
def test_gradients_equal_finite_differences(function, count):
    assert gradcheck(function, tuple(doubles(3, 3) for _ in range(count)))


def test_the_jacobian_of_one_layer_is_that_written_out():
    weight, bias, inputs = doubles(5, 3), doubles(3), doubles(4, 5)
    hidden = torch.sigmoid(inputs @ weight + bias)
    expected = frobenius(lambda x: torch.sigmoid(x @ weight + bias), inputs.detach())
    assert jacobian_one_layer(weight, hidden * (1 - hidden)).item() == pytest.approx(expected)


def test_the_estimate_is_the_jacobian_on_average_over_all_signs(monkeypatch):
    first, second, inputs = doubles(5, 4), doubles(4, 3), doubles(6, 5)
    inner = inputs @ first
    output = torch.tanh(torch.sigmoid(inner) @ second)
    found = []
    for signs in product([0, 1], repeat=3):  # the same for each entry
        drawn = torch.tensor(signs, dtype=torch.float64).expand(6, 3)
        monkeypatch.setattr(torch, "randint_like", lambda *_, drawn=drawn: drawn)
        found.append(jacobian_estimated(output, inner, first.T @ first).item())
    expected = frobenius(lambda x: torch.tanh(torch.sigmoid(x @ first) @ second), inputs.detach())
    assert np.mean(found) == pytest.approx(expected)
    assert np.std(found) > 0.01 * expected


def test_more_draws_are_averaged():
    first, second, inputs = doubles(5, 4), doubles(4, 3), doubles(1, 5)
    inner = (inputs @ first).expand(2000, 4)
    output = torch.sigmoid(torch.sigmoid(inner) @ second)
    expected = frobenius(lambda x: torch.sigmoid(torch.sigmoid(x @ first) @ second), inputs.detach())
    assert jacobian_estimated(output, inner, first.T @ first, 5).item() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("hidden", [(), (6,), (6, 5)])
def test_contractive_is_the_jacobian_of_the_units(hidden, form):
    net, inputs = network(penalty="contractive", hidden=hidden, activation="tanh"), rows()
    many = np.tile(inputs, (3000 if hidden else 1, 1))
    batch = torch.from_numpy(many) if form == "dense" else sparse(many)
    expected = frobenius(lambda x: torch.sigmoid(net.encode(x)), torch.from_numpy(inputs))
    assert penalty(net, batch).item() == pytest.approx(expected, rel=0.02 if hidden else 1e-5)


def test_contractive_knows_of_normalisation():
    net = network(penalty="contractive", binarizer="sign")
    net.norm.running_var.fill_(9.0)
    expected = frobenius(lambda x: torch.sigmoid(net.encode(x)), torch.from_numpy(rows()))
    found = penalty(net, torch.from_numpy(np.tile(rows(), (2000, 1)))).item()
    assert found == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("hidden", [(), (6,)])
def test_contractive_teaches_the_encoder(hidden):
    net = network(penalty="contractive", hidden=hidden, activation="sigmoid")
    penalty(net, torch.from_numpy(rows())).backward()
    assert all(part.grad.abs().sum() > 0 for part in net.encoder)


def test_an_adversary_by_hand():
    codes, drawn = torch.tensor([[1.0], [-2.0]]), torch.tensor([[0.5], [3.0]])
    chance = lambda logit: 1 / (1 + math.exp(-logit))  # noqa: E731
    expected = -np.mean([math.log(chance(1.5)), math.log(chance(9.0))])
    expected -= np.mean([math.log(1 - chance(3.0)), math.log(1 - chance(-6.0))])
    assert adversary(lambda values: 3 * values, codes, drawn).item() == pytest.approx(expected, rel=1e-6)


def test_an_adversary_turns_the_gradient_of_the_codes_round_and_no_other(monkeypatch):
    codes, drawn, critic = doubles(5, 3), doubles(5, 3), torch.nn.Linear(3, 1).double()
    both = []
    for turn in (True, False):
        if not turn:
            monkeypatch.setattr("hashret.model.penalties._Reversed.apply", lambda values: values)
        both.append(torch.autograd.grad(adversary(critic, codes, drawn), [codes, critic.weight, critic.bias]))
    (mine, *others), (free, *same) = both
    assert free.abs().min() > 0
    torch.testing.assert_close(mine, -free)
    torch.testing.assert_close(others, same)


@pytest.mark.parametrize(("binarizer", "fair"), [("linear", False), ("sigmoid", True), ("bernoulli", True)])
def test_codes_are_told_from_normal_draws_or_fair_bits(binarizer, fair, monkeypatch):
    seen = []
    monkeypatch.setattr("hashret.model.penalties.adversary", lambda critic, codes, drawn: seen.append((codes, drawn)))
    net = network(penalty="adversarial", binarizer=binarizer)
    batch = torch.from_numpy(rows(500))
    once = net.see(batch)
    PENALTIES["adversarial"](once)
    codes, drawn = seen[0]
    assert torch.equal(codes, once.codes)
    assert (set(drawn.unique().tolist()) == {-1.0, 1.0}) == fair
    assert abs(drawn.mean()) < 0.1
    assert abs(drawn.std() - 1) < 0.1


def test_commitment_by_hand():
    entries = torch.tensor([[[0.0, 0.0], [4.0, 0.0]], [[1.0, 1.0], [-1.0, -1.0]]], requires_grad=True)
    values = torch.tensor([[3.0, 1.0, 0.0, 2.0], [0.0, 0.0, -1.0, -1.0]], requires_grad=True)
    # the first entry is (1, 1) and (1, 1) away from its nearest ones, the second is one
    loss = commitment(values, entries)
    loss.backward()
    assert loss.item() == (1 + COMMITMENT) * 4 / 2
    assert values.grad.tolist() == (COMMITMENT * torch.tensor([[-1.0, 1.0, -1.0, 1.0], [0.0] * 4])).tolist()
    assert entries.grad.tolist() == [[[0, 0], [1, -1]], [[1, -1], [0, 0]]]


def test_activity_is_a_sigmoid_whatever_the_code():
    net = network(binarizer="linear")
    seen = net.see(torch.from_numpy(rows()))
    assert isinstance(seen, Pass)
    np.testing.assert_allclose(seen.activity.detach(), 1 / (1 + np.exp(-seen.values.detach().numpy())), rtol=1e-5)


@pytest.mark.parametrize("name", ["kl-sparsity", "l1", "l2"])
def test_units_are_punished_for_their_activity(name):
    net, batch = network(penalty=name, target=0.3), torch.from_numpy(rows())
    activity = torch.sigmoid(net.encode(batch))
    expected = {
        "kl-sparsity": lambda: kl_to_target(activity, 0.3),
        "l1": lambda: l1(activity),
        "l2": lambda: l2(activity),
    }
    torch.testing.assert_close(penalty(net, batch), expected[name]())


def test_a_prior_is_normal_for_real_values_and_fair_for_bits():
    batch = torch.from_numpy(rows())
    normal = network(penalty="prior", binarizer="gaussian", dimensions=5)
    seen = normal.see(batch)
    torch.testing.assert_close(penalty(normal, batch), gaussian_kl(seen.values, seen.aid))
    torch.testing.assert_close(seen.aid, batch @ normal.aid[0] + normal.aid[1])
    for binarizer in ("bernoulli", "concrete"):
        fair = network(penalty="prior", binarizer=binarizer)
        torch.testing.assert_close(penalty(fair, batch), bernoulli_kl(fair.encode(batch)))


def test_a_codebook_commits_to_its_own_entries():
    net, batch = network(kind="quantized"), torch.from_numpy(rows())
    torch.testing.assert_close(penalty(net, batch), commitment(net.encode(batch), net.aid[0]))
