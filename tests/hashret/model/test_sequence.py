import numpy as np
import pytest
import torch

from hashret.forward.sequence import LENGTH, positions
from hashret.model.sequence import front
from hashret.rows import Sparse
from tests.hashret.forward.test_sequence import WIDTH, WORDS, arrays, many, network, texts

NETS = pytest.mark.parametrize("net", ["gru", "transformer"])


def vectors(module: torch.nn.Module, rows: Sparse) -> np.ndarray:
    with torch.no_grad():
        return module(rows).numpy()


def unlike(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one - other).max() > 1e-2)


@NETS
def test_order_matters(net):
    module, text = network(net), [3, 1, 4, 15, 9, 2, 6]
    there, back = vectors(module, texts(text, text[::-1]))
    assert unlike(there, back)


def test_without_positions_attention_reads_a_bag():
    module, text = network("transformer"), [3, 1, 4, 15, 9, 2, 6]
    module.places.zero_()
    there, back = vectors(module, texts(text, text[::-1]))
    np.testing.assert_allclose(there, back, atol=1e-5)


@NETS
def test_a_repeated_word_counts(net):
    once, twice = vectors(network(net), texts([3, 8], [3, 8, 8]))
    assert unlike(once, twice)


@NETS
def test_other_texts_of_the_batch_do_not_matter(net):
    module, rows = network(net), many(30)
    alone = np.concatenate([vectors(module, rows.take(np.array([row]))) for row in range(len(rows))])
    np.testing.assert_allclose(vectors(module, rows), alone, atol=2e-6)


@NETS
def test_what_padding_is_filled_with_does_not_matter(net):
    """Padding is word 0."""
    module, rows = network(net), texts([5, 6], [1, 2, 3, 4, 5, 6, 7])
    before = vectors(module, rows)
    with torch.no_grad():
        module.embedding.weight[0] = 1e3
    np.testing.assert_array_equal(vectors(module, rows), before)


@NETS
def test_words_beyond_the_length_are_not_read(net):
    text = (list(range(WORDS)) * 4)[:LENGTH]
    whole, longer, shorter = vectors(network(net), texts(text, [*text, 1, 2, 3], text[:-1]))
    np.testing.assert_allclose(whole, longer, atol=1e-6)
    assert unlike(whole, shorter)


@NETS
def test_empty_texts_are_zero_and_none_are_none(net):
    module = network(net)
    assert vectors(module, texts([], [1], []))[[0, 2]].tolist() == [[0] * WIDTH] * 2
    assert vectors(module, texts([], [])).tolist() == [[0] * WIDTH] * 2
    assert vectors(module, texts()).shape == (0, WIDTH)


@NETS
def test_gradients_reach_every_parameter(net):
    """An empty text, whose words have no mean, spoils none."""
    module = front(net, WORDS, WIDTH)
    rows = texts(list(range(WORDS)), list(range(WORDS))[::-3], [])
    (module(rows) * torch.randn(3, WIDTH)).sum().backward()
    for name, part in module.named_parameters():
        assert part.grad is not None, name
        assert part.grad.isfinite().all(), name
        grad = part.grad[:WIDTH] if "look.bias" in name else part.grad  # softmax is blind to what every key has
        assert grad.abs().reshape(len(grad), -1).sum(1).min() > 0, name


@NETS
def test_a_seed_decides(net):
    torch.manual_seed(5)
    one = vectors(front(net, WORDS, WIDTH), many(5))
    torch.manual_seed(5)
    np.testing.assert_array_equal(vectors(front(net, WORDS, WIDTH), many(5)), one)
    assert unlike(vectors(front(net, WORDS, WIDTH), many(5)), one)


@NETS
def test_vectors_start_with_unit_variance_and_unlike(net):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    found = vectors(front(net, WORDS, 64), texts(*(rng.integers(0, WORDS, 10).tolist() for _ in range(60))))
    np.testing.assert_allclose(found.var(1), 1, atol=0.05)
    cosines = found @ found.T / 64
    assert cosines[np.triu_indices(60, 1)].mean() < 0.5


def test_a_gru_step_equals_its_formulas():
    """r, z = sigmoid(W x + U h + b); n = tanh(W x + b + r (U h + b)); h' = (1 - z) n + z h; two words, two ways."""
    torch.manual_seed(1)
    module, text = front("gru", WORDS, 4), [7, 2]
    given = arrays(module)
    inputs = given["embedding.weight"][text].astype(float)

    def states(words: np.ndarray, suffix: str) -> list[np.ndarray]:
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        (wr, wz, wn), (ur, uz, un), (br, bz, bn), (cr, cz, cn) = (
            np.split(given[f"body.{kind}_l0{suffix}"].astype(float), 3) for kind in kinds
        )
        h, out = np.zeros(2), []
        for x in words:
            r = 1 / (1 + np.exp(-(wr @ x + br + ur @ h + cr)))
            z = 1 / (1 + np.exp(-(wz @ x + bz + uz @ h + cz)))
            n = np.tanh(wn @ x + bn + r * (un @ h + cn))
            h = (1 - z) * n + z * h
            out.append(h)
        return out

    mean = np.concatenate([np.mean(states(inputs, ""), 0), np.mean(states(inputs[::-1], "_reverse"), 0)])
    expected = (mean - mean.mean()) / np.sqrt(mean.var() + 1e-5)
    np.testing.assert_allclose(vectors(module, texts(text))[0], expected, atol=1e-5)


def test_attention_of_two_words_equals_its_formulas():
    """Four heads of one unit: each word mixes two values by softmax(q k), positions in q and k alone."""
    module, text = network_of_one_layer(), [7, 2]
    given = {name: part.astype(float) for name, part in arrays(module).items()}
    words = given["embedding.weight"][text]

    def normal(x: np.ndarray) -> np.ndarray:
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)

    def affine(name: str, x: np.ndarray) -> np.ndarray:
        return x @ given[f"body.0.{name}.weight"].T + given[f"body.0.{name}.bias"]

    looks, values = affine("look", normal(words) + positions(2, 4)), affine("value", normal(words))
    mixed = np.zeros((2, 4))
    for head in range(4):
        queries, keys = looks[:, head], looks[:, 4 + head]
        for word in range(2):
            first = 1 / (1 + np.exp(queries[word] * (keys[1] - keys[0])))  # softmax over two
            mixed[word, head] = first * values[0, head] + (1 - first) * values[1, head]
    out = words + affine("join", mixed)
    out = out + affine("narrow", np.maximum(affine("widen", normal(out)), 0))
    np.testing.assert_allclose(vectors(module, texts(text))[0], normal(out.mean(0)), atol=1e-5)


def network_of_one_layer() -> torch.nn.Module:
    """A transformer of width 4 whose second layer adds nothing and whose norms are plain."""
    torch.manual_seed(2)
    module = front("transformer", WORDS, 4)
    with torch.no_grad():
        for name in ("look", "value", "join", "widen", "narrow"):
            torch.nn.init.normal_(module.body[0][name].weight)
            torch.nn.init.normal_(module.body[0][name].bias)
        for name in ("join", "narrow"):
            module.body[1][name].weight.zero_()
    return module


@NETS
def test_the_state_is_the_weights_alone(net):
    """What a table of positions says needs no place in a file."""
    module = front(net, WORDS, WIDTH)
    assert set(module.state_dict()) == {name for name, _ in module.named_parameters()}


def test_vectors_are_on_the_device_of_the_weights():
    module = front("transformer", WORDS, WIDTH).to("meta")
    assert module(texts([1, 2], [], [3])).device.type == "meta"
    assert module(texts([])).device.type == "meta"
