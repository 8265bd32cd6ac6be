import numpy as np
import pytest
import torch

from hashret.features import Sparse
from hashret.model.nets import Autoencoder
from tests.hashret.test_features import sparse


def trained(hidden: int, width: int = 30, bits: int = 16) -> Autoencoder:
    """A network whose normalisation has seen data and whose biases are not zero."""
    torch.manual_seed(0)
    net = Autoencoder(width, bits, hidden)
    with torch.no_grad():
        for part in net.parameters():
            part += torch.randn_like(part) * 0.1
        for _ in range(20):
            net.encode(torch.randn(64, width) * 2 + 1)
    return net.eval()


def rows(kind: str, count: int = 50, width: int = 30) -> Sparse | np.ndarray:
    matrix = np.random.default_rng(3).normal(size=(count, width)).astype(np.float32)
    if kind == "dense":
        return matrix
    matrix[np.abs(matrix) < 1] = 0
    matrix[7] = 0  # a text without a known word
    return sparse(matrix)


@pytest.mark.parametrize("hidden", [0, 24])
@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_numpy_forward_equals_torch(hidden, kind):
    net, batch = trained(hidden), rows(kind)
    with torch.no_grad():
        expected = net.encode(batch if kind == "sparse" else torch.from_numpy(batch)).numpy()
    found = net.export().logits(batch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_array_equal(found > 0, expected > 0)


@pytest.mark.parametrize("hidden", [0, 24])
def test_numpy_decoder_equals_torch(hidden):
    net = trained(hidden)
    bits = np.random.default_rng(4).integers(0, 2, (9, 16))
    with torch.no_grad():
        expected = net.decode(torch.from_numpy(bits * 2.0 - 1).float()).numpy()
    np.testing.assert_allclose(net.export().reconstruct(bits), expected, atol=2e-5)


@pytest.mark.parametrize("side", [8, 13])
@pytest.mark.parametrize(("channels", "hidden"), [(1, 24), (3, 24), (3, 0)])
def test_numpy_convolution_equals_torch(side, channels, hidden, monkeypatch):
    monkeypatch.setattr("hashret.forward._IMAGES", 20)
    torch.manual_seed(0)
    net = Autoencoder(side * side * channels, 16, hidden, 4, side)
    batch = np.random.default_rng(1).random((50, side * side * channels)).astype(np.float32)
    with torch.no_grad():
        for part in net.parameters():
            part += torch.randn_like(part) * 0.1
        for _ in range(20):
            net.encode(torch.rand(64, side * side * channels))
        expected = net.eval().encode(torch.from_numpy(batch)).numpy()
    found = net.export().logits(batch)
    assert (found.dtype, found.shape) == (np.float32, (50, 16))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_array_equal(found > 0, expected > 0)
    assert net.export().logits(batch[:0]).shape == (0, 16)


def test_a_network_starts_from_all_but_the_last_layer_of_another():
    one, other = Autoencoder(64, 16, 24, 4, 8), Autoencoder(64, 32, 24, 4, 8)
    before = [part.clone() for part in one.encoder[-2:]]
    one.start_from(other)
    for mine, theirs in zip(one.encoder[:-2], other.encoder[:-2], strict=True):
        assert torch.equal(mine, theirs)
        assert mine.data_ptr() != theirs.data_ptr()
    assert all(torch.equal(mine, kept) for mine, kept in zip(one.encoder[-2:], before, strict=True))


def test_some_columns_of_a_reconstruction_equal_the_whole():
    net, codes, columns = trained(8), torch.sign(torch.randn(5, 16)), torch.tensor([2, 7, 29])
    torch.testing.assert_close(net.decode(codes, columns), net.decode(codes)[:, columns])


def test_forward_does_not_depend_on_the_block(monkeypatch):
    weights, batch = trained(0).export(), rows("sparse")
    whole = weights.logits(batch)
    monkeypatch.setattr("hashret.forward._BLOCK", 7)
    np.testing.assert_array_equal(weights.logits(batch), whole)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_no_rows_give_no_logits(kind):
    batch = rows(kind)
    empty = batch.take(np.zeros(0, np.int64)) if kind == "sparse" else batch[:0]
    assert trained(0).export().logits(empty).shape == (0, 16)
