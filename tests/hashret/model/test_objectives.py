import numpy as np
import pytest
import torch
from torch.autograd import gradcheck
from torch.distributions import Poisson

from hashret import family
from hashret.forward.network import EXPECTED
from hashret.model.objectives import LOSSES, agreement, bernoulli, multinomial, poisson, recirculated, squared


def test_agreement_equals_the_sum_written_out():
    rng = np.random.default_rng(0)
    codes = np.sign(rng.normal(size=(6, 8)))
    scores = codes @ codes.T / 8 / 0.3  # all codes have length sqrt(8)
    terms = []
    for row in range(6):
        others = [scores[row, column] for column in range(6) if column != row]
        terms.append(np.log(np.exp(others).sum()) - scores[row, (row + 3) % 6])
    loss = agreement(torch.tensor(codes), 0.3)
    np.testing.assert_allclose(loss.item(), np.mean(terms), rtol=1e-9)


def test_agreement_leaves_out_those_alike_but_never_the_partner():
    rng = np.random.default_rng(1)
    codes = rng.normal(size=(6, 8))
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    scores, alike = codes @ codes.T / 0.3, rng.random((6, 6)) < 0.4
    terms = []
    for row in range(6):
        partner = (row + 3) % 6
        others = [scores[row, c] for c in range(6) if c == partner or (c != row and not alike[row, c])]
        terms.append(np.log(np.exp(others).sum()) - scores[row, partner])
    loss = agreement(torch.tensor(codes), 0.3, torch.tensor(alike))
    np.testing.assert_allclose(loss.item(), np.mean(terms), rtol=1e-9)


def test_agreement_of_equal_and_opposite_codes_is_the_closed_form():
    codes = torch.tensor([[1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    expected = np.log(np.exp(1 / 0.5) + 2 * np.exp(-1 / 0.5)) - 1 / 0.5
    np.testing.assert_allclose(agreement(torch.cat([codes, codes]), 0.5).item(), expected, rtol=1e-6)


def test_multinomial_of_a_uniform_guess_is_the_log_of_the_words():
    target = torch.tensor([[2.0, 0.0, 6.0], [1.0, 1.0, 1.0]])
    np.testing.assert_allclose(multinomial(torch.zeros(2, 3), target).item(), np.log(3), rtol=1e-6)


def test_multinomial_of_the_true_shares_is_their_entropy():
    target = torch.tensor([[1.0, 3.0]])
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    np.testing.assert_allclose(multinomial(target.log(), target).item(), entropy, rtol=1e-6)


def test_an_empty_row_adds_nothing_to_the_multinomial():
    assert multinomial(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 0


def test_squared():
    assert squared(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]])).item() == 2.5


def test_bernoulli_by_hand():
    logits, target = torch.tensor([[0.0, np.log(3.0)]]), torch.tensor([[1.0, 0.25]])
    expected = -(np.log(0.5) + 0.25 * np.log(0.75) + 0.75 * np.log(0.25)) / 2
    np.testing.assert_allclose(bernoulli(logits, target).item(), expected, rtol=1e-6)


def test_bernoulli_of_certain_logits_is_finite():
    logits, target = torch.tensor([[200.0, -200.0, 200.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    np.testing.assert_allclose(bernoulli(logits, target).item(), 200 / 3, rtol=1e-6)


def test_poisson_is_the_negative_logarithm_of_its_likelihood():
    logits, counts = torch.randn(4, 3, dtype=torch.float64), torch.tensor([0.0, 1.0, 5.0], dtype=torch.float64)
    likely = Poisson(logits.exp()).log_prob(counts.expand(4, 3)) + torch.lgamma(counts + 1)
    torch.testing.assert_close(poisson(logits, counts.expand(4, 3)), -likely.mean())


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_equal_finite_differences(name):
    torch.manual_seed(0)
    output, target = torch.randn(3, 4, dtype=torch.float64, requires_grad=True), torch.rand(3, 4, dtype=torch.float64)
    assert gradcheck(lambda values: LOSSES[name](values, target), output)


def test_the_table_has_the_names_of_the_family():
    assert tuple(LOSSES) == family.LOSSES


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_is_below_that_of_what_is_expected(name):
    """Each loss agrees with what the decoder is said to expect: at the target's own output its gradient is 0."""
    target = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64)
    output = {"squared": target.clone(), "bernoulli": target.logit()}.get(name, target.log()).requires_grad_()
    np.testing.assert_allclose(EXPECTED[name](output.detach().numpy()), target, rtol=1e-9)
    LOSSES[name](output, target).backward()
    np.testing.assert_allclose(output.grad, 0, atol=1e-9)


def test_recirculation_changes_weights_by_what_came_in_times_what_got_lost():
    """The changes of Hinton and McClelland 1988 on three inputs and two units from -1 to 1, entry by entry."""
    rng = np.random.default_rng(0)
    into, at, back, back_at = (rng.normal(size=shape) for shape in ((3, 2), 2, (2, 3), 3))
    rows = rng.normal(size=(4, 3))
    changes = [np.zeros(part.shape) for part in (into, at, back, back_at)]
    for row in rows:
        hidden = 2 / (1 + np.exp(-(row @ into + at))) - 1
        again = hidden @ back + back_at
        returned = 0.75 * row + 0.25 * again
        last = 2 / (1 + np.exp(-(returned @ into + at))) - 1
        both = (np.outer(returned, hidden - last), hidden - last, np.outer(hidden, row - again), row - again)
        for change, part in zip(changes, both, strict=True):
            change += part / 4
    tensors = [torch.tensor(part, requires_grad=True) for part in (into, at, back, back_at)]
    recirculated(tuple(tensors[:2]), tuple(tensors[2:]), torch.tensor(rows)).backward()
    for part, change in zip(tensors, changes, strict=True):
        np.testing.assert_allclose(-part.grad, change, rtol=1e-9)


def test_what_comes_back_as_it_was_changes_nothing():
    rows = torch.tensor([[0.3, -0.2]], dtype=torch.float64)
    into, at = torch.eye(2, dtype=torch.float64, requires_grad=True), torch.zeros(2, dtype=torch.float64)
    hidden = torch.tanh(rows / 2)
    back = torch.diag((rows / hidden)[0]).requires_grad_()
    recirculated((into, at), (back, at), rows).backward()
    np.testing.assert_allclose(torch.stack([into.grad, back.grad]), 0, atol=1e-12)
