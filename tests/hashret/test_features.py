from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashret.contents import kind_of
from hashret.features import KINDS, MANY, Image, Matrix, Text, Vector, _word_tokenizer
from hashret.rows import Sparse
from hashret.settings import Settings
from indexer.errors import InvalidInput

TEXTS = ["The cat sat.", "the CAT, the dog", "Crème brûlée: a dog", ""]


def dense(rows: Sparse) -> np.ndarray:
    out = np.zeros((len(rows), rows.width), dtype=np.float32)
    np.add.at(out, (rows.owners(), rows.indices), rows.data)
    return out


def sparse(matrix: np.ndarray) -> Sparse:
    row, column = np.nonzero(matrix)
    indptr = np.searchsorted(row, np.arange(len(matrix) + 1))
    return Sparse(indptr, column.astype(np.int32), matrix[row, column].astype(np.float32), matrix.shape[1])


def test_vocabulary_is_by_frequency_then_alphabet_without_case_or_accents():
    assert Text.fit(TEXTS, Settings(min_count=1, words=16)).words() == [
        "cat", "dog", "the", "a", "brulee", "creme", "sat",
    ]  # fmt: skip


def test_words_of_chinese_and_japanese_are_pairs_of_characters():
    features = Text.fit(["Linux用のデータ", "データの版", "Élan ﾃﾞｰﾀ, 한국"], Settings(min_count=1))
    assert features.words() == ["デー", "ータ", "elan", "linux", "のデ", "の版", "タの", "用の", "한국"]
    rows = features.transform(["データ版", "テータ", "linux用", ""])
    assert [features.words()[number] for number in rows.indices] == ["デー", "ータ", "ータ", "linux", "用の"]
    assert rows.indptr.tolist() == [0, 2, 3, 5, 5]  # the lone one of the third is what it is most often part of
    assert [name for name in features.state()[0]] == ["idf", "spaceless"]


def test_a_model_from_before_takes_a_run_without_spaces_for_a_word():
    features = Text.fit(["latin", "데이터"], Settings(min_count=1))
    assert [name for name in features.state()[0]] == ["idf"]
    older = replace(features, tokenizer=_word_tokenizer(["ソフト", "latin"], spaceless=False))
    for each in (older, Text.load(older.state(), Settings())):
        assert each.transform(["ソフト", "latin ソフトの"]).indices.tolist() == [0, 1]


def test_the_tokenizer_as_it_is_stored():
    normalizers = '{"type":"NFKD"},{"type":"StripAccents"},{"type":"Lowercase"}'
    marks = (
        r"[\\p{M}&&[^\\u0e01-\\u0e3a\\u0e40-\\u0e4e\\u0e81-\\u0ece\\u0edc-\\u0edf\\u1000-\\u103f\\u1050-\\u108f"
        r"\\u109a-\\u109d\\u1780-\\u17d3\\u17d7\\u17dc\\u17dd\\u3099\\u309a]]"
    )
    accents = f'{{"type":"Replace","pattern":{{"Regex":"{marks}"}},"content":""}}'
    whole = (
        '{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":{"type":"Sequence",'
        '"normalizers":[%s]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"[^\\\\W_]+"},"behavior":"Removed",'
        '"invert":true},"post_processor":null,"decoder":null,"model":{"type":"WordLevel","vocab":{"[UNK]":0,"%s":1},'
        '"unk_token":"[UNK]"}}'
    )
    assert Text.fit(["Élan"], Settings()).state()[1] == whole % (normalizers, "elan")
    paired = f'{{"type":"NFKD"}},{accents},{{"type":"NFC"}},{{"type":"Lowercase"}}'
    assert Text.fit(["デー"], Settings()).state()[1] == whole % (paired, "デー")


def test_text_rows_equal_the_formula():
    features = Text.fit(TEXTS, Settings(min_count=2))
    assert features.words() == ["cat", "dog", "the"]
    idf = np.log(5 / 3) + 1  # each word is in two of the four texts
    second = np.array([1.0, 1.0, 1 + np.log(2)]) * idf
    expected = np.zeros((4, 3))
    expected[0] = np.array([1, 0, 1]) / np.sqrt(2)
    expected[1] = second / np.linalg.norm(second)
    expected[2, 1] = 1
    np.testing.assert_allclose(dense(features.transform(TEXTS)), expected, rtol=1e-6)


@pytest.mark.parametrize(("weighting", "expected"), [("count", [1, 1, 2]), ("binary", [1, 1, 1])])
def test_words_may_be_counted_or_only_be_there(weighting, expected):
    features = Text.fit(TEXTS, Settings(min_count=2, weighting=weighting))
    rows = features.transform(TEXTS)
    assert rows.data.dtype == np.float32
    assert dense(rows).tolist() == [[1, 0, 1], expected, [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("weighting", ["tfidf", "count", "binary"])
@pytest.mark.parametrize("net", ["gru", "transformer"])
def test_texts_that_are_read_in_order_have_their_words_in_order(net, weighting):
    features = Text.fit(TEXTS, Settings(net=net, weighting=weighting))
    words = features.words()
    rows = features.transform(["the cat THE zebra dog", "", "zebra", "sat the"] * MANY)
    assert [words[number] for number in rows.indices[:6]] == ["the", "cat", "the", "dog", "sat", "the"]
    assert rows.indptr[:5].tolist() == [0, 4, 4, 4, 6]
    idf = features.idf[rows.indices] if weighting == "tfidf" else np.ones(len(rows.data))
    np.testing.assert_array_equal(rows.data, idf.astype(np.float32))
    assert len(rows.data) == 6 * MANY


def test_words_in_order_are_the_same_words():
    ordered, counted = (Text.fit(TEXTS, Settings(net=net, weighting="count")) for net in ("gru", "mlp"))
    np.testing.assert_array_equal(dense(ordered.transform(TEXTS)), dense(counted.transform(TEXTS)))


@pytest.mark.parametrize("settings", [Settings(weighting="binary"), Settings(net="gru", weighting="count")])
def test_texts_are_restored_as_settings_say(settings):
    features = Text.fit(TEXTS, settings)
    before, after = features.transform(TEXTS), Text.load(features.state(), settings).transform(TEXTS)
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


@pytest.mark.parametrize(
    ("weighting", "expected"),
    [("tfidf", [[0.6, 0.8, 0], [0, 0, 1]]), ("count", [[3, 4, 0], [0, 0, 2]]), ("binary", [[1, 1, 0], [0, 0, 1]])],
)
def test_rows_of_ones_own_are_scaled_or_left_or_only_there(weighting, expected):
    settings, rows = Settings(weighting=weighting), sparse(np.array([[3, 4, 0], [0, 0, 2]]))
    features = Matrix.fit(rows, settings)
    for each in (features, Matrix.load(features.state(), settings)):
        np.testing.assert_allclose(dense(each.transform(rows)), expected, rtol=1e-6)
    assert rows.data.tolist() == [3, 4, 2]


@pytest.mark.parametrize("weighting", ["tfidf", "count", "binary"])
def test_a_row_is_the_same_however_its_columns_are_stored(weighting):
    settings, rows = Settings(weighting=weighting), sparse(np.array([[3, 4, 0], [0, 0, 2]]))
    stored = Sparse(np.array([0, 4, 5]), np.array([1, 2, 0, 1, 2], np.int32), np.float32([1, 0, 3, 3, 2]), 3)
    same = Matrix.fit(rows, settings).transform(stored)
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(same, name), getattr(Matrix(3, weighting).transform(rows), name))


def test_unknown_words_give_an_empty_row():
    rows = Text.fit(TEXTS, Settings()).transform(["zebra zebra", "cat"])
    assert np.diff(rows.indptr).tolist() == [0, 1]


def test_no_text_at_all_transforms_to_no_rows():
    rows = Text.fit(TEXTS, Settings(min_count=2)).transform([])
    assert (len(rows), rows.width) == (0, 3)


def test_words_of_snake_case_and_dotted_names_fall_apart():
    assert Text.fit(["read_csv numpy.linalg"], Settings()).words() == ["csv", "linalg", "numpy", "read"]


def test_texts_without_words_are_refused():
    with pytest.raises(InvalidInput) as caught:
        Text.fit(["...", "!"], Settings())
    assert str(caught.value) == "no word occurs in 1 of 2 texts: give texts with words, or a lower min_count"


@pytest.mark.parametrize("kind", ["text", "image", "vector", "matrix"])
def test_state_restores_the_same_rows(kind):
    rng = np.random.default_rng(0)
    contents = {
        "text": TEXTS,
        "image": [rng.integers(0, 256, (9, 7, 3), dtype=np.uint8), rng.integers(0, 256, (30, 31), dtype=np.uint8)],
        "vector": rng.normal(size=(5, 4)).astype(np.float32),
        "matrix": sparse(rng.random((5, 6)) * (rng.random((5, 6)) < 0.5)),
    }[kind]
    assert kind_of(contents) == kind
    features = KINDS[kind].fit(contents, Settings(image_size=8))
    restored = KINDS[kind].load(features.state(), Settings(image_size=8))
    before, after = features.transform(contents), restored.transform(contents)
    if isinstance(before, Sparse):
        before, after = dense(before), dense(after)
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("learned", ["a b", "データ"])
@pytest.mark.parametrize("before", [1, MANY])
def test_the_text_that_cannot_be_written_is_named(learned, before):
    with pytest.raises(InvalidInput) as caught:
        Text.fit([learned], Settings()).transform(["é", *["a"] * before, "ﾃﾞｰﾀ \ud800"])
    place = f"text {before + 1} holds '\\ud800' at character 5"
    assert str(caught.value) == f"{place}, which UTF-8 cannot write: remove it"


@given(st.lists(st.lists(st.floats(-4, 4, width=32), min_size=3, max_size=3), min_size=1, max_size=9), st.data())
def test_sparse_rows_behave_as_a_matrix(values, data):
    matrix = np.array(values, dtype=np.float32)
    rows = sparse(matrix)
    picks = np.array(data.draw(st.lists(st.integers(0, len(matrix) - 1), max_size=12)), dtype=np.int64)
    np.testing.assert_array_equal(dense(rows.take(picks)), matrix[picks])
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows.data), max_size=len(rows.data))), dtype=bool)
    left, (row, column) = np.zeros_like(matrix), np.nonzero(matrix)
    left[row[kept], column[kept]] = matrix[row[kept], column[kept]]
    np.testing.assert_array_equal(dense(rows.only(kept)), left)
    lengths = np.linalg.norm(matrix.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(dense(rows.unit()), matrix / np.maximum(lengths, 1e-6), rtol=1e-5, atol=1e-30)


def test_a_bag_sums_what_a_row_has_more_than_once():
    indices, data = np.array([4, 1, 4, 2, 0, 0], np.int32), np.array([1, 2, 3, 4, 5, 0.5], np.float32)
    bag = Sparse(np.array([0, 3, 3, 6]), indices, data, 5).bag()
    assert (bag.indptr.tolist(), bag.indices.tolist(), bag.data.tolist()) == (
        [0, 2, 2, 4],
        [1, 4, 0, 2],
        [2, 4, 5.5, 4],
    )
    assert (bag.indices.dtype, bag.data.dtype, bag.width) == (np.int32, np.float32, 5)


def test_only_what_is_kept_stays_in_its_row_and_order():
    rows = Sparse(np.array([0, 3, 3, 5]), np.array([4, 1, 4, 2, 0], np.int32), np.arange(1, 6, dtype=np.float32), 5)
    left = rows.only(np.array([True, False, True, False, False]))
    assert (left.indptr.tolist(), left.indices.tolist(), left.data.tolist()) == ([0, 2, 2, 2], [4, 4], [1, 3])


def test_images_are_scaled_and_grey_or_colour():
    black, white = np.zeros((4, 4), np.uint8), np.full((8, 8), 255, np.uint8)
    grey = Image.fit([black, white], Settings(image_size=8))
    rows = grey.transform([black, white])
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0.0] * 64, [1.0] * 64]
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    colour = Image.fit([black, red], Settings(image_size=8))
    assert colour.channels == 3
    assert colour.transform([white, red]).reshape(2, 8, 8, 3)[:, 0, 0].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert grey.transform([red, red[..., [0, 0, 0]]])[:, 0].tolist() == pytest.approx([0.299, 1], abs=2e-3)


def test_an_image_of_the_size_wanted_is_taken_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    np.testing.assert_array_equal(Image(8, 1).transform([image])[0] * 255, image.reshape(-1))


def test_vectors_are_compared_by_direction():
    rows = np.array([[3, 4], [0, 2], [0, 0]], dtype=np.float32)
    features = Vector.fit(rows, Settings())
    unit = np.array([[0.6, 0.8], [0, 1], [0, 0]])
    np.testing.assert_allclose(features.transform(rows), unit, atol=1e-6)
    np.testing.assert_allclose(features.transform(rows * 5), features.transform(rows), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kind_of([]), "nothing to learn from: give at least one text, image or embedding"),
        (lambda: kind_of([3]), "contents are int: give str, uint8 images (h, w) or (h, w, 3), or float rows (n, d)"),
        (lambda: kind_of(["a", 3]), "content 1 is int, content 0 is str: give one kind of content"),
        (
            lambda: Vector.fit(np.ones((2, 3)), Settings()).transform(np.ones((1, 4))),
            "embeddings have 4 dimensions, the model was trained on 3",
        ),
        (
            lambda: Vector.fit([np.ones(3), np.array([1, np.nan, 0])], Settings()),
            "row 1 holds NaN or infinity: remove it or mend it",
        ),
        (lambda: Vector.fit([np.ones(3), np.ones(2)], Settings()), "row 1 has shape (2,), row 0 has (3,)"),
        (
            lambda: Matrix(7).transform(sparse(np.ones((2, 3)))),
            "rows have 3 columns, the model was trained on 7",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(InvalidInput) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize("more", [[], ["a データ版 b", "猫"]])
@given(texts=st.lists(st.text(st.characters(max_codepoint=127)) | st.text(max_size=20), max_size=5))
def test_many_texts_at_once_give_the_rows_that_each_gives_alone(texts, more):
    features = Text.fit(["a_b c-d 1x Straße", "ÉTÉ été a b c d x", *texts, *more], Settings(min_count=1))
    asked = [*texts, "A.b_C d", "É a", *more] * MANY
    together = dense(features.transform(asked))
    for row in range(len(texts) + 2 + len(more)):
        np.testing.assert_array_equal(together[row], dense(features.transform([asked[row]]))[0])


@pytest.mark.parametrize("scale", [1e-38, 1e-25, 1e-18, 1e19, 1e30, 3e37])
def test_vectors_of_any_length_are_scaled_to_one(scale):
    """Squares of their values are more, or less, than float32 holds."""
    rows = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    features = Vector.fit(rows, Settings())
    mixed = np.concatenate([rows[:2], rows[2:] * np.float32(scale), np.zeros((1, 8), np.float32)])
    found = features.transform(mixed)
    np.testing.assert_allclose(found[:5], features.transform(rows), rtol=1e-3 if scale > 1e-30 else 0.05, atol=1e-6)
    assert not found[5].any()


def test_the_mark_of_unknown_words_is_a_word_where_texts_have_it():
    features = Text.fit(["[UNK] token alpha", "[UNK] beta", "unk gamma"], Settings())
    assert features.words() == ["unk", "alpha", "beta", "gamma", "token"]
    assert features.transform(["[UNK]", "other [UNK]"]).indices.tolist() == [0, 0]
