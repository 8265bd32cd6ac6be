import numpy as np
import pytest
import torch

from hashret.forward.sequence import LENGTH, padded, positions, read
from hashret.model.sequence import front
from hashret.rows import Sparse

WORDS, WIDTH = 50, 16


def texts(*rows: list[int]) -> Sparse:
    """Texts of word numbers, in order and with repetition."""
    indices = np.array([word for row in rows for word in row], dtype=np.int32)
    indptr = np.cumsum([0, *map(len, rows)])
    return Sparse(indptr, indices, np.ones(len(indices), dtype=np.float32), WORDS)


def network(net: str) -> torch.nn.Module:
    """A network none of whose weights is at its start."""
    torch.manual_seed(0)
    module = front(net, WORDS, WIDTH)
    with torch.no_grad():
        for part in module.parameters():
            part += torch.randn_like(part) * 0.2
    return module


def arrays(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: part.numpy() for name, part in module.state_dict().items()}


def many(count: int, seed: int = 0) -> Sparse:
    """Texts of 0 to 150 words; many words occur more than once."""
    rng = np.random.default_rng(seed)
    return texts(*(rng.integers(0, WORDS, length).tolist() for length in rng.integers(0, 151, count)))


SPECIAL = {
    "no word": texts([]),
    "one word": texts([7]),
    "a repeated word": texts([7] * 9),
    "the first and last word": texts([0, WORDS - 1]),
    "all that is read": texts(list(range(50)) * 2 + list(range(LENGTH - 100))),
    "more than is read": texts(list(range(50)) * 3),
    "empty ones between": texts([], [1, 2, 3], [], [4], []),
    "many": many(90),
}


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("net", ["gru", "transformer"])
def test_numpy_equals_torch(net, kind):
    module, rows = network(net), SPECIAL[kind]
    with torch.no_grad():
        expected = module(rows).numpy()
    found = read(arrays(module), rows)
    assert (found.dtype, found.shape) == (np.float32, (len(rows), WIDTH))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("net", ["gru", "transformer"])
def test_no_texts_give_no_vectors(net):
    found = read(arrays(network(net)), texts())
    assert (found.dtype, found.shape) == (np.float32, (0, WIDTH))


@pytest.mark.parametrize("net", ["gru", "transformer"])
def test_an_empty_text_is_zero(net):
    found = read(arrays(network(net)), texts([1, 2], [], [3]))
    assert found[1].tolist() == [0] * WIDTH
    assert np.abs(found[[0, 2]]).sum(1).min() > 1


@pytest.mark.parametrize("net", ["gru", "transformer"])
def test_vectors_do_not_depend_on_the_block(net, monkeypatch):
    weights, rows = arrays(network(net)), many(40)
    whole = read(weights, rows)
    monkeypatch.setattr("hashret.forward.sequence._STEPPED", 7)
    monkeypatch.setattr("hashret.forward.sequence._ATTENDED", 7)
    np.testing.assert_allclose(read(weights, rows), whole, atol=2e-6)
    alone = [read(weights, rows.take(np.array([row])))[0] for row in range(len(rows))]
    np.testing.assert_allclose(alone, whole, atol=2e-6)


@pytest.mark.parametrize("net", ["gru", "transformer"])
def test_saturated_weights_overflow_nothing(net):
    """A warning would fail this."""
    weights = {name: part * np.float32(1e4) for name, part in arrays(network(net)).items()}
    assert np.isfinite(read(weights, many(20))).all()


@pytest.mark.parametrize("net", ["gru", "transformer"])
def test_the_values_of_rows_and_the_weights_are_left_alone(net):
    weights, rows = arrays(network(net)), many(20)
    before = {name: part.copy() for name, part in weights.items()}
    found = read(weights, rows)
    assert all(np.array_equal(weights[name], part) for name, part in before.items())
    np.testing.assert_array_equal(read(weights, rows.unit()), found)


def test_padding_keeps_order_and_cuts_long_texts():
    words, present = padded(texts([5, 3, 5], [], [9]))
    assert words.tolist() == [[5, 3, 5], [0, 0, 0], [9, 0, 0]]
    assert present.tolist() == [[True, True, True], [False, False, False], [True, False, False]]
    words, present = padded(texts(list(range(50)) * 3))
    assert words[0].tolist() == (list(range(50)) * 3)[:128]  # what a model on disk was trained on
    assert present.all()
    assert padded(texts())[0].shape == (0, 0)


def test_positions_are_sines_and_cosines_in_turn():
    """sin(place / 10,000^(2i / width)) in column 2i, its cosine in column 2i + 1."""
    found = positions(9, 6)
    for place in range(9):
        for i in range(3):
            turn = place / 10_000 ** (2 * i / 6)
            np.testing.assert_allclose(found[place, 2 * i : 2 * i + 2], [np.sin(turn), np.cos(turn)], atol=1e-6)
