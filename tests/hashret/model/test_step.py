"""One step's loss written out, and what many steps come to where that is known."""

import numpy as np
import pytest
import torch

from hashret.model import step
from hashret.model.neighbours import Neighbours
from hashret.model.nets import Autoencoder
from hashret.model.objectives import LOSSES, agreement, recirculated
from hashret.model.penalties import l1
from hashret.model.train import train
from hashret.rows import Sparse
from hashret.settings import Settings
from tests.hashret.test_features import dense, sparse

OWN = np.array([5, 0, 3])


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def network(contents: str = "vector", width: int = 7, **changes: object) -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(width, Settings(**{"kind": "plain", "bits": 8, "penalty": "l1", **changes}).resolved(contents))


def rows() -> np.ndarray:
    return rng().normal(size=(9, 7)).astype(np.float32)


def words() -> Sparse:
    return sparse(rng().integers(1, 4, (9, 7)) * (rng().random((9, 7)) < 0.5))


def loss(net: Autoencoder, given: np.ndarray | Sparse, done: float = 0.5, near: Neighbours | None = None) -> float:
    return step.loss(net, given, OWN, near, rng(), done)[0].item()


def reconstruction(net: Autoencoder, given: np.ndarray) -> float:
    batch = torch.from_numpy(given[OWN])
    return LOSSES[net.settings.loss](net.decode(torch.tanh(net.encode(batch) / 2)), batch).item()


def activity(net: Autoencoder, given: np.ndarray) -> float:
    return l1(torch.sigmoid(net.encode(torch.from_numpy(given[OWN])))).item()


def test_the_penalty_of_dense_rows_is_divided_by_their_width():
    net = network(penalty_weight=3.0, reconstruction=2.0)
    expected = 2 * reconstruction(net, rows()) + 3 * activity(net, rows()) / 7
    assert loss(net, rows()) == pytest.approx(expected, rel=1e-6)


def test_the_values_of_a_step_are_those_of_its_entries():
    net = network()
    found = step.loss(net, rows(), OWN, None, rng(), 0.0)[1]
    torch.testing.assert_close(found, net.encode(torch.from_numpy(rows()[OWN])))


@pytest.mark.parametrize(
    ("warmup", "done", "share"), [(0, 0, 1), (0.4, 0, 0), (0.4, 0.1, 0.25), (0.4, 0.4, 1), (0.4, 0.9, 1)]
)
def test_the_weight_of_a_penalty_grows_while_it_warms_up(warmup, done, share):
    net = network(warmup=warmup)
    expected = reconstruction(net, rows()) + share * activity(net, rows()) / 7
    assert loss(net, rows(), done) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("measure", "weighting"), [("multinomial", "count"), ("poisson", "count"), ("squared", "tfidf")]
)
def test_the_penalty_of_words_is_divided_by_how_many_values_the_loss_is_the_mean_of(measure, weighting):
    net = network("text", loss=measure, weighting=weighting)
    matrix = dense(words().unit() if weighting == "tfidf" else words())
    count = len(words().data) / 9 if measure == "multinomial" else 7
    expected = reconstruction(net, matrix) + activity(net, matrix) / count
    assert loss(net, sparse(matrix)) == pytest.approx(expected, rel=1e-5)


def test_words_are_reconstructed_on_a_sample_of_columns(monkeypatch):
    monkeypatch.setattr(step, "COLUMNS", 3)
    net, matrix = network("text", penalty="none", loss="poisson", weighting="count"), dense(words())
    columns = np.sort(rng().choice(7, 3, replace=False))
    batch = torch.from_numpy(matrix[OWN])
    output = net.decode(torch.tanh(net.encode(batch) / 2))[:, columns]
    assert loss(net, words()) == pytest.approx(LOSSES["poisson"](output, batch[:, columns]).item(), rel=1e-6)


@pytest.mark.parametrize(("weighting", "measure", "often"), [("count", "poisson", 2), ("binary", "bernoulli", 1)])
def test_a_word_that_a_text_has_twice_is_one_target(weighting, measure, often, monkeypatch):
    text = Sparse(np.array([0, 3]), np.array([1, 4, 1], np.int32), np.ones(3, np.float32), 7)
    net = network("text", penalty="none", net="gru", hidden=8, loss=measure, weighting=weighting)
    seen = []
    monkeypatch.setitem(LOSSES, measure, lambda output, target: seen.append(target) or output.sum())
    step.loss(net, text, np.array([0]), None, rng(), 0.0)
    assert seen[0].tolist() == [[0, often, 0, 0, 1, 0, 0]]


def test_reconstruction_is_of_the_entry_as_it_was_not_of_its_view(monkeypatch):
    net = network(penalty="none", corruption="gaussian", noise=1.0)
    shown = torch.randn(3, 7)
    monkeypatch.setattr(step, "view", lambda *_: shown)
    output = net.decode(torch.tanh(net.encode(shown) / 2))
    assert loss(net, rows()) == pytest.approx(LOSSES["squared"](output, torch.from_numpy(rows()[OWN])).item(), rel=1e-6)


def test_agreement_is_of_two_views_the_second_often_of_a_neighbour():
    """With a fair coin for each entry whether it is its own second view; reconstruction is of the first views alone."""
    net = network(kind="neighbour", penalty="none", reconstruction=0.5, binarizer="tanh").eval()
    near = Neighbours(np.arange(9)[:, None][::-1].copy())
    draw = rng()
    second = np.where(draw.random(3) < 0.5, OWN, 8 - OWN)
    assert 0 < (second == OWN).sum() < 3
    codes = torch.tanh(net.encode(torch.from_numpy(rows()[np.concatenate([OWN, second])])) * 5.5)
    expected = agreement(codes, net.settings.temperature)
    expected = expected + 0.5 * LOSSES["squared"](net.decode(codes[:3]), torch.from_numpy(rows()[OWN]))
    assert loss(net, rows(), 0.5, near) == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_recirculation_learns_by_its_own_rule_and_is_looked_at_by_what_it_reconstructs(form):
    net, matrix = network("matrix", kind="recirculation", penalty="none", weighting="count"), dense(words())
    given = matrix if form == "dense" else words()
    expected = recirculated(tuple(net.encoder), tuple(net.decoder), torch.from_numpy(matrix[OWN]))
    assert loss(net, given) == pytest.approx(expected.item(), rel=1e-5)
    assert loss(net.eval(), given) == pytest.approx(reconstruction(net, matrix), rel=1e-5)


def test_a_linear_autoencoder_learns_the_principal_subspace():
    """Baldi and Hornik 1989: what it can give back is what the largest components span."""
    draw = rng()
    turned = np.linalg.qr(draw.normal(size=(20, 20)))[0]
    given = (draw.normal(size=(200, 20)) * np.where(np.arange(20) < 8, 1.0, 0.1)) @ turned
    given = (given - given.mean(0)).astype(np.float32)
    settings = Settings(kind="plain", binarizer="linear", bits=8, batch=200, steps=900, learning_rate=0.1, patience=0)
    basis = np.linalg.qr(train(given, settings.resolved("vector"), lambda *_: None).decoder[0][0].T)[0]
    axes = np.linalg.svd(given)[2][:8]
    outside = basis - axes.T @ (axes @ basis)
    assert np.linalg.norm(outside, 2) < 1e-3  # the sine of the largest angle
