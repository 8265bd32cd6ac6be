import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from hashret.features import Matrix, Text, Vector
from hashret.forward import Weights
from hashret.hasher import Hasher
from hashret.model.nets import Autoencoder
from hashret.settings import Settings
from hashret.settle import Settled
from indexer.errors import Corrupt, InvalidInput, Mismatch, NotFound
from tests.hashret.conftest import FAST, make_texts
from tests.hashret.test_features import sparse


def tiny() -> Hasher:
    """A model whose every byte is known."""
    settings = Settings(bits=8).resolved("vector")
    field = np.arange(16, dtype=np.float32).reshape(2, 8)
    return Hasher(settings, Vector(2), Settled(np.full(2, 0.25, np.float32), field, np.full((8, 2), 0.5, np.float32)))


def tiny_network() -> Hasher:
    """The same of a network."""
    encoder = [(np.arange(16, dtype=np.float32).reshape(2, 8), np.full(8, -1, np.float32))]
    decoder = [(np.ones((8, 2), np.float32), np.zeros(2, np.float32))]
    return Hasher(Settings(bits=8).resolved("matrix"), Matrix(2), Weights(encoder, decoder))


def test_codes_are_packed_signs_of_the_logits(hasher, entries):
    texts = [entry.content for entry in entries]
    logits = hasher.logits(texts)
    assert (logits.dtype, logits.shape) == (np.float32, (120, 32))
    np.testing.assert_array_equal(hasher.encode(texts), np.packbits(logits > 0, axis=1))


def test_codes_of_one_topic_are_nearer(hasher):
    topics, texts = zip(*make_texts(80, seed=1), strict=True)
    bits = np.unpackbits(hasher.encode(texts), axis=1)
    distances = (bits[:, None] != bits[None]).sum(2)
    same = np.array(topics)[:, None] == np.array(topics)
    assert distances[same].mean() < 0.5 * distances[~same].mean()


def test_a_text_has_the_same_code_alone_and_among_others(hasher, entries):
    texts = [entry.content for entry in entries]
    alone = np.concatenate([hasher.encode([text]) for text in texts])
    np.testing.assert_array_equal(alone, hasher.encode(texts))


def test_same_seed_same_digest_in_another_process():
    program = (
        "from tests.hashret.conftest import *; from hashret.hasher import Hasher\n"
        "print(Hasher.fit([text for _, text in make_texts(40)], FAST).digest)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == Hasher.fit([text for _, text in make_texts(40)], FAST).digest


def test_save_and_load_give_the_same_model(hasher, entries, tmp_path):
    hasher.save(tmp_path / "model")
    loaded = Hasher.load(tmp_path / "model")
    assert (loaded.digest, loaded.settings, loaded.kind) == (hasher.digest, hasher.settings, "text")
    texts = [entry.content for entry in entries]
    np.testing.assert_array_equal(loaded.logits(texts), hasher.logits(texts))
    np.testing.assert_array_equal(
        loaded.reconstruct(loaded.encode(texts)), hasher.reconstruct(hasher.encode(texts))
    )  # fmt: skip


def test_a_model_of_images_keeps_its_convolutions(tmp_path):
    images = list(np.random.default_rng(0).integers(0, 256, (20, 9, 9, 3), dtype=np.uint8))
    hasher = Hasher.fit(images, Settings(bits=16, steps=2, image_size=8, convolution=4, hidden=8))
    hasher.save(tmp_path / "model")
    loaded = Hasher.load(tmp_path / "model")
    assert [weight.shape for weight, _ in loaded.weights.encoder] == [(5, 5, 3, 4), (3, 3, 4, 8), (32, 8), (8, 16)]
    np.testing.assert_array_equal(loaded.logits(images), hasher.logits(images))
    assert loaded.error(images).shape == (20,)


def test_model_bytes_are_golden():
    settings, weights = tiny().to_bytes()
    assert settings == (
        '{"format": 1, "kind": "vector", "settings": {"augment": 0.0, "batch": 4096, "bits": 8, "convolution": 0, '
        '"hidden": 0, "image_size": 28, "learning_rate": 0.01, "mask": 0.0, "min_count": 1, "neighbours": 10, '
        '"reconstruction": 0.1, "sample": 50000, "seed": 0, "steps": 1200, "temperature": 0.06, "words": 20000}, '
        '"state": ""}'
    )
    length = int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8 : 8 + length])
    assert list(header) == ["features.width", "decoder", "field", "mean"]
    assert header["field"] == {"dtype": "F32", "shape": [2, 8], "data_offsets": [72, 136]}
    assert weights[8 + length + 72 : 8 + length + 136] == np.arange(16, dtype="<f4").tobytes()
    assert hashlib.sha256(weights).hexdigest() == "32bb1190c32d1a9e91c01695c998c7e820d2d73c1082a930f89f6b3ecefd5a92"
    assert tiny().digest == "50c75a20ff0b1a15d47b2673970d37ae9f5ee18707410c1e8751edcc0f733924"


def test_bytes_of_a_network_are_golden():
    _, weights = tiny_network().to_bytes()
    length = int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8 : 8 + length])
    assert list(header) == [
        "features.width", "decoder.0.bias", "decoder.0.weight", "encoder.0.bias", "encoder.0.weight",
    ]  # fmt: skip
    assert header["encoder.0.weight"] == {"dtype": "F32", "shape": [2, 8], "data_offsets": [112, 176]}
    assert weights[8 + length + 112 : 8 + length + 176] == np.arange(16, dtype="<f4").tobytes()
    assert hashlib.sha256(weights).hexdigest() == "6dfefe8ef3e8d76c3f03bf6e3134377f83201ebc53e5b2545a38141c92c2e828"


def test_golden_codes():
    rows = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    np.testing.assert_array_equal(tiny().encode(rows), [[15], [255], [128]])
    np.testing.assert_array_equal(tiny_network().encode(sparse(np.abs(rows))), [[63], [255], [63]])


@pytest.mark.parametrize("make", [tiny, tiny_network])
def test_bytes_restore_the_model(make):
    hasher = make()
    again = Hasher.from_bytes(*hasher.to_bytes())
    assert (again.digest, type(again.weights)) == (hasher.digest, type(hasher.weights))
    for name, array in hasher.weights.state().items():
        np.testing.assert_array_equal(again.weights.state()[name], array)


def test_codes_of_vectors_are_signs_of_the_logits_and_survive_the_file(vector_hasher, vectors, tmp_path):
    vector_hasher.save(tmp_path / "m")
    loaded = Hasher.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.encode(vectors), vector_hasher.encode(vectors))
    np.testing.assert_array_equal(np.packbits(loaded.logits(vectors) > 0, axis=1), loaded.encode(vectors))


def test_a_changed_byte_is_corrupt(tmp_path):
    path = tmp_path / "model"
    tiny().save(path)
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(Corrupt) as caught:
        Hasher.load(path)
    assert str(caught.value) == (
        f"{path}: does not hash to its digest {tiny().digest[:12]}: restore the file from a copy"
    )


def test_what_is_no_model(tmp_path):
    (tmp_path / "x").write_text("hello\n")
    with pytest.raises(Corrupt) as caught:
        Hasher.load(tmp_path / "x")
    assert str(caught.value) == f"{tmp_path / 'x'}: is no hashret model"
    with pytest.raises(NotFound) as missing:
        Hasher.load(tmp_path / "y")
    assert str(missing.value) == f"{tmp_path / 'y'}: no such file"


def test_a_newer_format_is_a_mismatch():
    settings, weights = tiny().to_bytes()
    with pytest.raises(Mismatch) as caught:
        Hasher.from_bytes(settings.replace('"format": 1', '"format": 2'), weights)
    assert str(caught.value) == "the model has format 2, this hashret reads format 1: use a newer hashret"


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([], "nothing to learn from: give at least one text, image or embedding"),
        (["a", 1], "content 1 is int, content 0 is str: give one kind of content"),
        (["..."], "no word occurs in 1 of 1 texts: give texts with words, or a lower min_count"),
    ],
)
def test_fit_refuses(contents, message):
    with pytest.raises(InvalidInput) as caught:
        Hasher.fit(contents, FAST)
    assert str(caught.value) == message


def test_contents_of_another_kind_are_refused(hasher):
    with pytest.raises(InvalidInput) as caught:
        hasher.encode(np.ones((1, 3), np.float32))
    assert str(caught.value) == "contents are of kind vector, the model was trained on text"


def test_no_contents_have_no_codes(hasher, vector_hasher):
    assert hasher.encode([]).shape == (0, 4)
    assert vector_hasher.encode(np.zeros((0, 12), np.float32)).shape == (0, 4)


def test_error_of_dense_contents_is_the_mean_square():
    hasher, rows = tiny(), np.array([[1, 0], [0, 1]], np.float32)
    output = hasher.reconstruct(hasher.encode(rows))
    np.testing.assert_allclose(hasher.error(rows), ((output - hasher.transform(rows)) ** 2).mean(1), rtol=1e-6)


def test_error_of_texts_is_the_cross_entropy(hasher):
    texts = ["rocket moon moon", "bread rate"]
    logits = hasher.reconstruct(hasher.encode(texts)).astype(np.float64)
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    words = {word: column for column, word in enumerate(hasher.features.words())}
    idf = hasher.features.idf
    weights = [{"rocket": 1.0, "moon": 1 + np.log(2)}, {"bread": 1.0, "rate": 1.0}]
    for row, counts in enumerate(weights):
        tfidf = np.array([weight * idf[words[word]] for word, weight in counts.items()])
        expected = -(tfidf / tfidf.sum() * np.log([share[row, words[word]] for word in counts])).sum()
        np.testing.assert_allclose(hasher.error(texts)[row], expected, rtol=1e-4)


def test_a_sample_is_trained_on_and_the_input_left_alone(vectors):
    before = vectors.copy()
    seen = []
    Hasher.fit(vectors, Settings(bits=8, steps=2, sample=20), lambda *at: seen.append(at))
    np.testing.assert_array_equal(vectors, before)
    assert seen[-1] == ("codes", 2, 2)


def test_torch_module_and_hasher_agree_on_real_rows(hasher, entries):
    """The network that was trained, rebuilt from the stored weights, gives the same bits in torch."""
    import torch

    rows = hasher.transform([entry.content for entry in entries])
    net = Autoencoder(rows.width, 32, 0).eval()
    weight, bias = hasher.weights.encoder[0]
    with torch.no_grad():
        net.encoder[0].copy_(torch.from_numpy(weight))
        net.encoder[1].copy_(torch.from_numpy(bias))
        net.norm.eps = 0.0
        expected = net.encode(rows).numpy()
    np.testing.assert_allclose(hasher.weights.logits(rows), expected, atol=1e-5)


def test_words_survive_the_model_file(hasher, tmp_path):
    hasher.save(tmp_path / "m")
    features = Hasher.load(tmp_path / "m").features
    assert isinstance(features, Text)
    assert features.words() == hasher.features.words()
