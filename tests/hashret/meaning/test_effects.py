import numpy as np
import pytest

from hashret.hasher import Hasher
from hashret.meaning.effects import MOST, effects
from hashret.rows import Sparse
from hashret.settings import Settings
from tests.hashret.conftest import FAST, make_texts

TEXT = "orbit rocket bread bread team"


def test_of_one_layer_they_are_its_weights(hasher):
    row = hasher.rows([TEXT])
    found = effects(hasher.weights, row)
    assert sorted(found.words.tolist()) == sorted(row.indices.tolist())
    weight = hasher.weights.encoder[0][0]
    values = dict(zip(row.indices.tolist(), row.data.tolist(), strict=True))
    expected = [values[word] * weight[word] for word in found.words.tolist()]
    np.testing.assert_allclose(found.added, expected, atol=1e-4)


@pytest.mark.parametrize("net", ["mlp", "gru"])
def test_of_others_they_are_what_changes_without_a_word(net):
    settings = Settings(bits=8, steps=3, batch=8, min_count=1, kind="plain", net=net, hidden=(16,))
    small = Hasher.fit([text for _, text in make_texts(24)], settings)
    row = small.rows([TEXT])
    found = effects(small.weights, row)
    assert len(found.words) == 4
    for place, word in enumerate(found.words.tolist()):
        kept = [at for at, other in enumerate(row.indices.tolist()) if other != word]
        rest = Sparse(np.array([0, len(kept)]), row.indices[kept], row.data[kept], row.width)
        change = small.weights.logits(row) - small.weights.logits(rest)
        np.testing.assert_allclose(found.added[place], change[0], atol=1e-5)


def test_words_behind_a_bit_push_it_there_hardest_first(hasher):
    found = effects(hasher.weights, hasher.rows([TEXT]))
    for value, sign in ((1, 1), (0, -1)):
        words = found.behind(3, value, 2)
        push = dict(zip(found.words.tolist(), (sign * found.added[:, 3]).tolist(), strict=True))
        assert words == sorted((word for word in push if push[word] > 0), key=lambda word: -push[word])[:2]


def test_of_a_long_text_the_heaviest_words_are_tried(hasher):
    count = MOST + 9
    data = np.arange(count, dtype=np.float32)
    row = Sparse(np.array([0, count]), np.arange(count, dtype=np.int32), data, count)
    wide = Hasher.fit([" ".join(f"w{n}" for n in range(count))] * 4, FAST)
    assert effects(wide.weights, row).words.tolist() == list(range(count - 1, 8, -1))


def test_a_text_without_words_has_none(hasher):
    found = effects(hasher.weights, hasher.rows(["qqq"]))
    assert found.words.tolist() == []
    assert found.behind(0, 1, 3) == []
