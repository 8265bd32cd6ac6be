from itertools import pairwise

import numpy as np
import pytest
import torch

from hashret import family
from hashret.model.nets import READ, Autoencoder
from hashret.model.rbm import RBM
from hashret.rows import Sparse
from hashret.settings import Settings
from tests.hashret.forward.test_sequence import WORDS, many
from tests.hashret.test_features import sparse

WIDTH = 30


def resolved(contents: str = "vector", **changes: object) -> Settings:
    return Settings(**{"bits": 16, "hidden": (), **changes}).resolved(contents)


def trained(settings: Settings, width: int = WIDTH) -> Autoencoder:
    """A network whose normalisation has seen data and whose biases are not zero."""
    torch.manual_seed(0)
    net = Autoencoder(width, settings)
    with torch.no_grad():
        for part in net.parameters():
            part += torch.randn_like(part) * 0.1
        for _ in range(1 if net.front else 20):
            net.encode(many(32) if net.front else torch.randn(64, width) * 2 + 1)
    return net.eval()


def rows(kind: str, count: int = 50) -> Sparse | np.ndarray:
    matrix = np.random.default_rng(3).normal(size=(count, WIDTH)).astype(np.float32)
    if kind == "dense":
        return matrix
    matrix[np.abs(matrix) < 1] = 0
    matrix[7] = 0  # a text without a known word
    return sparse(matrix)


def same_values(net: Autoencoder, batch: Sparse | np.ndarray, atol: float = 2e-5) -> None:
    with torch.no_grad():
        seen = net.see(batch if isinstance(batch, Sparse) else torch.from_numpy(batch))
    shift = net.aid[0].detach() if net.settings.binarizer == "thresholds" else 0
    expected, found = (seen.values - shift).numpy(), net.export().values(batch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=atol)
    np.testing.assert_array_equal(found > 0, expected > 0)


@pytest.mark.parametrize("hidden", [(), (24,), (24, 12)])
@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_numpy_forward_equals_torch(hidden, kind):
    same_values(trained(resolved(hidden=hidden)), rows(kind))


@pytest.mark.parametrize("activation", family.ACTIVATIONS)
def test_numpy_activations_equal_torch(activation):
    net = trained(resolved(hidden=(24, 12), activation=activation))
    same_values(net, rows("dense") * 3)
    same_values(net, rows("sparse"))


@pytest.mark.parametrize("binarizer", ["thresholds", "half", "tanh", "sigmoid", "gaussian", "codebook"])
def test_numpy_values_equal_torch_whatever_the_binarizer(binarizer):
    kind = "quantized" if binarizer == "codebook" else "plain"
    same_values(trained(resolved(kind=kind, hidden=(24,), binarizer=binarizer)), rows("dense"))


def test_bits_of_thresholds_are_those_of_training():
    net, batch = trained(resolved(binarizer="thresholds")), rows("dense")
    assert net.aid[0].abs().min() > 0
    codes = net.see(torch.from_numpy(batch)).codes
    np.testing.assert_array_equal(net.export().logits(batch) > 0, codes.detach().numpy() > 0)


@pytest.mark.parametrize("activation", family.ACTIVATIONS)
@pytest.mark.parametrize("tied", [False, True])
def test_numpy_decoder_equals_torch(tied, activation):
    net = trained(resolved(hidden=(24, 12), tied=tied, activation=activation))
    bits = np.random.default_rng(4).integers(0, 2, (9, 16))
    with torch.no_grad():
        expected = net.decode(torch.from_numpy(bits * 2.0 - 1).float()).numpy()
    np.testing.assert_allclose(net.export().reconstruct(bits), expected, atol=2e-5)


@pytest.mark.parametrize("loss", family.LOSSES)
def test_numpy_decoder_gives_what_the_loss_expects(loss):
    net = trained(Settings(kind="plain", bits=16, loss=loss, weighting="binary").resolved("text"))
    bits = np.random.default_rng(4).integers(0, 2, (9, 16))
    with torch.no_grad():
        output = net.decode(torch.from_numpy(bits * 2.0 - 1).float())
    links = {"bernoulli": torch.sigmoid, "multinomial": lambda z: torch.softmax(z, 1), "poisson": torch.exp}
    expected = links[loss](output) if loss in links else output
    np.testing.assert_allclose(net.export().reconstruct(bits), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("hidden", [(), (24,), (24, 12)])
def test_a_tied_decoder_is_the_encoder_transposed_and_has_biases_alone(hidden):
    net = trained(resolved(hidden=hidden, tied=True))
    widths = [16, *reversed(hidden), WIDTH]
    assert [tuple(part.shape) for part in net.decoder] == [(width,) for width in widths[1:]]
    weights, biases = net.backward_layers()[::2], net.backward_layers()[1::2]
    assert [tuple(part.shape) for part in weights] == list(pairwise(widths))
    for mine, theirs in zip(weights, reversed(net.encoder[::2]), strict=True):
        assert torch.equal(mine, theirs.T)
        assert mine.data_ptr() == theirs.data_ptr()
    assert all(one is other for one, other in zip(biases, net.decoder, strict=True))


def test_tied_weights_learn_from_both_sides():
    net, batch = trained(resolved(kind="plain", binarizer="linear", tied=True)), torch.from_numpy(rows("dense"))
    codes = net.see(batch).codes
    (both,) = torch.autograd.grad(net.decode(codes).sum(), net.encoder[0], retain_graph=True)
    (one,) = torch.autograd.grad(net.decode(codes.detach()).sum(), net.encoder[0])
    torch.testing.assert_close(one, codes.detach().sum(0).expand(WIDTH, 16))
    assert (both - one).abs().max() > 1e-3


@pytest.mark.parametrize("side", [8, 13])
@pytest.mark.parametrize(("channels", "hidden"), [(1, (24,)), (3, (24,)), (3, ())])
def test_numpy_convolution_equals_torch(side, channels, hidden, monkeypatch):
    monkeypatch.setattr("hashret.forward.network._IMAGES", 20)
    settings = resolved("image", hidden=hidden, convolution=4, image_size=side)
    net = trained(settings, side * side * channels)
    batch = np.random.default_rng(1).random((50, side * side * channels)).astype(np.float32)
    same_values(net, batch, 1e-4)
    assert net.export().logits(batch[:0]).shape == (0, 16)


@pytest.mark.parametrize("hidden", [(), (24,), (24, 12)])
@pytest.mark.parametrize("net", family.SEQUENCES)
def test_numpy_reads_texts_in_order_as_torch_does(net, hidden):
    made = trained(resolved("text", net=net, hidden=hidden), WORDS)
    assert made.front.embedding.embedding_dim == (hidden[0] if hidden else READ)
    same_values(made, many(30), 1e-4)


def test_a_network_starts_from_all_but_the_last_layer_of_another():
    one, other = (
        Autoencoder(64, resolved("image", bits=bits, hidden=(24,), convolution=4, image_size=8)) for bits in (16, 32)
    )
    before = [part.clone() for part in one.encoder[-2:]]
    one.start_from(other)
    for mine, theirs in zip(one.encoder[:-2], other.encoder[:-2], strict=True):
        assert torch.equal(mine, theirs)
        assert mine.data_ptr() != theirs.data_ptr()
    assert all(torch.equal(mine, kept) for mine, kept in zip(one.encoder[-2:], before, strict=True))


@pytest.mark.parametrize("net", family.SEQUENCES)
def test_a_network_starts_from_how_another_reads(net):
    one, other = (Autoencoder(WORDS, resolved("text", bits=bits, net=net)) for bits in (16, 32))
    one.start_from(other)
    for mine, theirs in zip(one.front.parameters(), other.front.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_some_columns_of_a_reconstruction_equal_the_whole():
    for hidden in ((), (8,)):
        net, codes, columns = trained(resolved(hidden=hidden)), torch.randn(5, 16), torch.tensor([2, 7, 29])
        torch.testing.assert_close(net.decode(codes, columns), net.decode(codes)[:, columns])


@pytest.mark.parametrize("hidden", [(), (9,), (9, 5)])
def test_values_of_the_first_sums_are_those_of_the_input(hidden):
    net, batch = trained(resolved(hidden=hidden)), torch.from_numpy(rows("dense"))
    torch.testing.assert_close(net.values_of(net.inner(batch)), net.encode(batch))


def test_forward_does_not_depend_on_the_block(monkeypatch):
    weights, batch = trained(resolved()).export(), rows("sparse")
    whole = weights.logits(batch)
    monkeypatch.setattr("hashret.forward.network._BLOCK", 7)
    np.testing.assert_array_equal(weights.logits(batch), whole)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_no_rows_give_no_logits(kind):
    batch = rows(kind)
    empty = batch.take(np.zeros(0, np.int64)) if kind == "sparse" else batch[:0]
    assert trained(resolved()).export().logits(empty).shape == (0, 16)


def machines(units: str, *widths: int) -> list[RBM]:
    torch.manual_seed(1)
    return [
        RBM(0.5 * torch.randn(below, above), torch.randn(below), torch.randn(above), "bernoulli" if place else units)
        for place, (below, above) in enumerate(pairwise([WIDTH, *widths]))
    ]


def down(stack: list[RBM], on: torch.Tensor, factor: float) -> torch.Tensor:
    """Mean-field units of each machine, from the last one's hidden units to the input as it was before `factor`."""
    for one in reversed(stack):
        sums = on @ one.weight.T + one.visible
        on = sums / factor if one.units == "squared" else torch.sigmoid(sums)
    return on


@pytest.mark.parametrize("units", ["squared", "bernoulli"])
@pytest.mark.parametrize("hidden", [(), (9,), (9, 5)])
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_an_unrolled_network_goes_up_and_down_as_its_machines_do(units, hidden, factor):
    settings = Settings(kind="rbm", bits=16, hidden=hidden, binarizer="sigmoid", loss=units).resolved("image")
    net, stack, batch = Autoencoder(WIDTH, settings), machines(units, *hidden, 16), torch.from_numpy(rows("dense"))
    net.start_from_rbms(stack, factor)
    on = batch * factor
    for one in stack:
        on = torch.sigmoid(on @ one.weight + one.hidden)
    with torch.no_grad():
        codes = net.see(batch).codes
        output = net.decode(codes)
    torch.testing.assert_close(codes, 2 * on - 1, atol=1e-5, rtol=1e-5)
    expected = output if units == "squared" else torch.sigmoid(output)
    torch.testing.assert_close(expected, down(stack, on, factor), atol=1e-5, rtol=1e-5)


def test_real_values_read_a_unit_as_the_line_through_its_middle():
    settings = Settings(kind="rbm", bits=16, hidden=(9,), binarizer="linear").resolved("vector")
    net, stack, codes = Autoencoder(WIDTH, settings), machines("squared", 9, 16), torch.randn(5, 16)
    net.start_from_rbms(stack, 2.0)
    torch.testing.assert_close(net.decode(codes).detach(), down(stack, 0.5 + codes / 4, 2.0), atol=1e-5, rtol=1e-5)


def test_tied_weights_start_from_the_machines_biases():
    settings = Settings(kind="rbm", bits=16, hidden=(9,), tied=True).resolved("vector")
    net, stack = Autoencoder(WIDTH, settings), machines("squared", 9, 16)
    net.start_from_rbms(stack, 1.0)
    assert torch.equal(net.backward_layers()[2], stack[0].weight.T)
    assert torch.equal(net.decoder[1], stack[0].visible)
    torch.testing.assert_close(net.decoder[0], stack[1].visible + stack[1].weight.sum(1) / 2)
