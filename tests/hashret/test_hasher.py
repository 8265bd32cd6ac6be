import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from hashret.features import Matrix, Text, Vector
from hashret.forward.network import Weights
from hashret.forward.remainder import Remainder
from hashret.forward.settle import Settled
from hashret.hasher import Hasher
from hashret.model.nets import Autoencoder
from hashret.settings import Settings
from indexer.errors import Corrupt, InvalidInput, Mismatch, NotFound
from tests.hashret.conftest import FAST, make_texts
from tests.hashret.test_features import sparse


def tiny(layer: Remainder | None = None) -> Hasher:
    """A model whose every byte is known."""
    settings = Settings(bits=8).resolved("vector")
    field, decoder = np.arange(16, dtype=np.float32).reshape(2, 8), np.full((8, 2), 0.5, np.float32)
    settled = Settled(np.full(2, 0.25, np.float32), field, decoder, layer or Remainder.none(8, 2))
    return Hasher(settings, Vector(2), settled)


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
        '{"format": 2, "kind": "vector", "settings": {"activation": "relu", "active": 8, "augment": 0.0, '
        '"batch": 4096, "binarizer": "sign", "bits": 8, "cd_steps": 1, "clip": 0.0, "convolution": 32, '
        '"corruption": "none", "dimensions": null, "hidden": [], "image_size": 28, "kind": "neighbour", '
        '"learning_rate": 0.01, "loss": "squared", "min_count": 1, "neighbours": 10, "net": "mlp", "noise": '
        '0.0, "objective": "agreement", "patience": 0, "penalty": "none", "penalty_weight": 1.0, '
        '"reconstruction": 0.1, "sample": 50000, "seed": 0, "start": "random", "steps": 1200, "target": 0.1, '
        '"temperature": 0.06, "tied": false, "warmup": 0.0, "weighting": "tfidf", "words": 20000}, "state": '
        '""}'
    )
    length = int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8 : 8 + length])
    assert list(header) == ["features.width", "decoder", "field", "mean", "usual"]
    assert header["field"] == {"dtype": "F32", "shape": [2, 8], "data_offsets": [72, 136]}
    assert weights[8 + length + 72 : 8 + length + 136] == np.arange(16, dtype="<f4").tobytes()
    assert hashlib.sha256(weights).hexdigest() == "7ded80f2255e7dfb2f7b57d3a47f7c67b3695bc397afd9d1106a81e03ea04b31"
    assert tiny().digest == "e70861fc4aacbe9e974cd4324253bc298cdacc7bcd09691482f875a165b893c3"


def test_bytes_with_a_remainder_are_golden():
    layer = Remainder(*(np.full(shape, 0.125, np.float32) for shape in ((8, 1), (1,), (1, 2))))
    settings, weights = tiny(layer).to_bytes()
    length = int.from_bytes(weights[:8], "little")
    names = ["remainder.bias", "remainder.inner", "remainder.outer"]
    header = json.loads(weights[8 : 8 + length])
    assert list(header) == ["features.width", "decoder", "field", "mean", *names, "usual"]
    assert [header[name]["shape"] for name in names] == [[1], [8, 1], [1, 2]]
    assert hashlib.sha256(weights).hexdigest() == "d3add15a7ffbfa854afc79150ac61ec992c3732b2189e9decc945051f033dcd3"
    assert Hasher.from_bytes(settings, weights).digest == tiny(layer).digest != tiny().digest


def test_bytes_of_a_network_are_golden():
    _, weights = tiny_network().to_bytes()
    length = int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8 : 8 + length])
    assert list(header) == [
        "features.width", "decoder.0.bias", "decoder.0.weight", "encoder.0.bias", "encoder.0.weight", "usual",
    ]  # fmt: skip
    assert header["encoder.0.weight"] == {"dtype": "F32", "shape": [2, 8], "data_offsets": [112, 176]}
    assert weights[8 + length + 112 : 8 + length + 176] == np.arange(16, dtype="<f4").tobytes()
    assert hashlib.sha256(weights).hexdigest() == "a0686015aa996b621e1267abcc07037951c3e897baa3b7902468a43ee6c653d9"


def test_the_order_of_a_matrix_in_memory_changes_nothing(vectors, vector_hasher):
    assert Hasher.fit(np.asfortranarray(vectors), FAST).digest == vector_hasher.digest


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


@pytest.mark.parametrize(("found", "advice"), [(3, "use a newer hashret"), (1, "train a new one")])
def test_another_format_is_a_mismatch(found, advice):
    settings, weights = tiny().to_bytes()
    with pytest.raises(Mismatch) as caught:
        Hasher.from_bytes(settings.replace('"format": 2', f'"format": {found}'), weights)
    assert str(caught.value) == f"the model has format {found}, this hashret reads format 2: {advice}"


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
    np.testing.assert_allclose(hasher.error(rows), ((output - hasher.rows(rows)) ** 2).mean(1), rtol=1e-6)


def test_error_of_texts_is_the_cross_entropy(hasher):
    texts = ["rocket moon moon", "bread rate"]
    share = hasher.reconstruct(hasher.encode(texts)).astype(np.float64)
    np.testing.assert_allclose(share.sum(1), 1, rtol=1e-5)
    words = {word: column for column, word in enumerate(hasher.features.words())}
    idf = hasher.features.idf
    weights = [{"rocket": 1.0, "moon": 1 + np.log(2)}, {"bread": 1.0, "rate": 1.0}]
    for row, counts in enumerate(weights):
        tfidf = np.array([weight * idf[words[word]] for word, weight in counts.items()])
        expected = -(tfidf / tfidf.sum() * np.log([share[row, words[word]] for word in counts])).sum()
        np.testing.assert_allclose(hasher.error(texts)[row], expected, rtol=1e-4)


def test_transform_is_the_real_valued_bottleneck_and_comes_back_better_than_bits(vectors):
    hasher = Hasher.fit(vectors, Settings(kind="deep", bits=16, dimensions=3, hidden=(32,), steps=300, batch=32))
    values, unit = hasher.transform(vectors), hasher.rows(vectors)
    assert (values.dtype, values.shape) == (np.float32, (80, 3))
    assert hasher.encode(vectors).shape == (80, 2)
    fine, coarse = (((hasher.reconstruct(codes) - unit) ** 2).mean() for codes in (values, hasher.encode(vectors)))
    assert fine < coarse < ((unit - unit.mean(0)) ** 2).mean()


def test_binarized_values_come_back_as_their_bits_do(hasher, entries):
    texts = [entry.content for entry in entries[:9]]
    np.testing.assert_array_equal(hasher.transform(texts), hasher.logits(texts))
    np.testing.assert_array_equal(hasher.reconstruct(hasher.transform(texts)), hasher.reconstruct(hasher.encode(texts)))


def test_quantiles_are_those_of_the_training_errors(hasher, entries):
    errors = hasher.error([entry.content for entry in entries])
    np.testing.assert_allclose(hasher.usual, np.quantile(errors, np.linspace(0, 1, 101)), rtol=1e-5)
    np.testing.assert_allclose(hasher.quantile(hasher.usual[[0, 50, 100]]), [0, 0.5, 1], atol=1e-6)
    assert hasher.quantile(np.array([-9, 99], np.float32)).tolist() == [0, 1]


def test_a_variational_model_draws_samples_like_the_data_and_walks_between_two(vectors):
    hasher = Hasher.fit(vectors, Settings(kind="variational", bits=8, steps=400, batch=40, penalty_weight=0.1))
    unit = hasher.rows(vectors)
    drawn = hasher.sample(200, seed=1)
    assert (drawn.shape, drawn.dtype) == ((200, 12), np.float32)
    np.testing.assert_array_equal(drawn, hasher.sample(200, seed=1))
    away = ((drawn[:, None] - unit) ** 2).sum(2).min(1)
    shuffled = np.random.default_rng(0).permuted(unit, axis=0)
    assert np.median(away) < 0.5 * np.median((((shuffled[:, None] - unit) ** 2).sum(2) + 9 * np.eye(80)).min(1))
    path = hasher.interpolate(vectors[0], vectors[1], steps=5)
    ends = hasher.reconstruct(hasher.transform(vectors[:2]))
    np.testing.assert_allclose(path[[0, -1]], ends, atol=1e-6)
    middle = hasher.reconstruct(hasher.transform(vectors[:2]).mean(0, keepdims=True))
    np.testing.assert_allclose(path[2], middle[0], atol=1e-6)


def test_samples_of_a_binary_prior_are_decoded_bits(hasher):
    bits = np.random.default_rng(3).integers(0, 2, (4, 32))
    np.testing.assert_array_equal(hasher.sample(4, seed=3), hasher.reconstruct(np.packbits(bits, axis=1)))


@pytest.mark.parametrize("kind", ["plain", "quantized", "k-sparse", "rbm"])
def test_every_bottleneck_survives_the_file(kind, vectors, tmp_path):
    hasher = Hasher.fit(vectors, Settings(kind=kind, bits=16, steps=30, batch=32))
    hasher.save(tmp_path / "m")
    loaded = Hasher.load(tmp_path / "m")
    assert loaded.digest == hasher.digest
    assert set(loaded.weights.bottleneck.arrays) == set(hasher.weights.bottleneck.arrays) != set()
    np.testing.assert_array_equal(loaded.encode(vectors), hasher.encode(vectors))
    np.testing.assert_array_equal(loaded.usual, hasher.usual)


@pytest.mark.parametrize("net", ["gru", "transformer"])
def test_a_model_that_reads_in_order_tells_orders_apart_and_survives_the_file(net, tmp_path):
    texts = [text for _, text in make_texts(60)]
    hasher = Hasher.fit(texts, Settings(kind="denoising", net=net, hidden=(16,), bits=16, steps=10, batch=16))
    one, other = hasher.transform(["moon rocket orbit bread"]), hasher.transform(["bread orbit rocket moon"])
    assert np.abs(one - other).max() > 1e-4
    hasher.save(tmp_path / "m")
    np.testing.assert_array_equal(Hasher.load(tmp_path / "m").logits(texts), hasher.logits(texts))


def test_a_sample_is_trained_on_and_the_input_left_alone(vectors):
    before = vectors.copy()
    seen = []
    Hasher.fit(vectors, Settings(bits=8, steps=2, sample=20), lambda *at: seen.append(at))
    np.testing.assert_array_equal(vectors, before)
    assert seen[-1][:3] == ("decoder", 2, 2)


def test_torch_module_and_hasher_agree_on_real_rows(hasher, entries):
    """The network that was trained, rebuilt from the stored weights, gives the same bits in torch."""
    import torch

    rows = hasher.rows([entry.content for entry in entries])
    net = Autoencoder(rows.width, hasher.settings).eval()
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


def test_texts_without_spaces_are_told_apart_and_the_model_survives_the_file(tmp_path):
    cats = [f"子猫が{place}で眠っている" for place in ("庭", "部屋", "箱の中", "窓の下", "椅子の上")]
    banks = [f"中央銀行は{rate}の金利を発表" for rate in ("来月", "今年", "年末", "春", "新年度")]
    hasher = Hasher.fit([*cats, *banks] * 8, FAST)
    hasher.save(tmp_path / "file")
    hasher.save_pretrained(tmp_path / "folder")
    for model in (hasher, Hasher.load(tmp_path / "file"), Hasher.from_pretrained(tmp_path / "folder")):
        bits = np.unpackbits(model.encode(["猫", "猫が眠る", "銀行の金利", *cats, *banks]), axis=1)
        near = (bits[:3, None] != bits[None, 3:]).sum(2)
        assert near[:2, :5].max() < near[:2, 5:].min()
        assert near[2, 5:].max() < near[2, :5].min()


def test_a_model_equals_what_was_read_of_it_and_no_other(hasher, vector_hasher):
    again = Hasher.from_bytes(*hasher.to_bytes())
    assert again == hasher
    assert len({again, hasher, vector_hasher}) == 2
    assert Hasher.from_bytes(*vector_hasher.to_bytes()) == vector_hasher != hasher
    assert hasher != hasher.digest


def test_who_comes_back_as_well_as_many_is_worse_than_none_of_them(hasher):
    """Where training entries tie, those that tie are not counted as better."""
    usual = np.sort(np.r_[np.full(60, 1.0), np.full(31, 2.0), np.linspace(3, 4, 10)]).astype(np.float32)
    known = replace(hasher, usual=usual)
    asked = np.array([0.5, 1, 1 + 1e-7, 1.5, 2, 2 - 1e-7, 4, 4.1], np.float32)
    np.testing.assert_allclose(known.quantile(asked), [0, 0, 0, 0.3, 0.6, 0.6, 1, 1], atol=1e-3)
    alike = replace(hasher, usual=np.full(101, 2.0, np.float32))
    assert alike.quantile(np.array([1, 2, 3], np.float32)).tolist() == [0, 0, 1]
