import numpy as np
import torch

from hashret.model.objectives import agreement, multinomial, squared


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
