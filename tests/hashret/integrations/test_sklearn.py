import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from hashret.hasher import Hasher
from hashret.integrations.sklearn import HashTransformer
from hashret.settings import Settings
from indexer.errors import InvalidInput
from tests.hashret.conftest import make_texts

TOPICS, TEXTS = zip(*make_texts(80), strict=True)
SMALL = {"batch": 32, "neighbours": 10}


@parametrize_with_checks([HashTransformer(bits=16, steps=5)])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([HashTransformer(bits=8, kind="deep", steps=5, output="signs")])
def test_scikit_learn_accepts_networks_too(estimator, check):
    check(estimator)


def test_outputs_are_four_forms_of_one_code(vectors):
    made = {
        output: HashTransformer(bits=16, steps=20, settings=SMALL, output=output).fit_transform(vectors)
        for output in ("bits", "signs", "packed", "logits")
    }
    hasher = Hasher.fit(vectors, Settings(bits=16, steps=20, **SMALL))
    np.testing.assert_array_equal(made["packed"], hasher.encode(vectors))
    np.testing.assert_array_equal(made["bits"], np.unpackbits(made["packed"], axis=1))
    np.testing.assert_array_equal(made["signs"], np.where(made["bits"], 1, -1))
    np.testing.assert_array_equal(made["logits"], hasher.logits(vectors))
    assert [made[name].dtype for name in made] == [np.uint8, np.float32, np.uint8, np.float32]


def test_sparse_rows_are_learned_as_words_and_may_come_dense_later():
    counts = CountVectorizer().fit_transform(TEXTS)
    transformer = HashTransformer(bits=16, steps=20, settings=SMALL).fit(counts)
    assert transformer.hasher_.kind == "matrix"
    bits = transformer.transform(counts)
    np.testing.assert_array_equal(transformer.transform(counts.toarray()), bits)
    np.testing.assert_array_equal(transformer.transform(sparse.csc_array(counts)), bits)
    dense = HashTransformer(bits=16, steps=20, settings=SMALL).fit(counts.toarray())
    assert dense.hasher_.kind == "vector"
    np.testing.assert_array_equal(dense.transform(counts), dense.transform(counts.toarray()))


@pytest.mark.parametrize("make", [list, np.array, tuple])
def test_texts_are_learned_as_texts(make):
    transformer = HashTransformer(bits=16, steps=20, settings=SMALL)
    bits = transformer.fit_transform(make(TEXTS))
    hasher = Hasher.fit(list(TEXTS), Settings(bits=16, steps=20, **SMALL))
    np.testing.assert_array_equal(bits, np.unpackbits(hasher.encode(TEXTS), axis=1))


def test_a_grid_search_over_a_pipeline_of_texts_finds_codes_that_tell_topics_apart():
    steps = make_pipeline(HashTransformer(steps=30, settings=SMALL, output="signs"), LogisticRegression())
    search = GridSearchCV(steps, {"hashtransformer__bits": [8, 32]}, cv=2, error_score="raise").fit(TEXTS, TOPICS)
    asked, right = list(zip(*make_texts(40, seed=5), strict=True))[::-1]
    assert search.score(asked, right) > 0.9


def test_columns_have_names(vectors):
    transformer = HashTransformer(bits=16, steps=5).fit(vectors)
    assert transformer.get_feature_names_out()[[0, 15]].tolist() == ["hashtransformer0", "hashtransformer15"]
    assert len(transformer.set_params(output="packed").get_feature_names_out()) == 2


def test_data_frames_come_out_where_they_are_asked_for(vectors):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(vectors, index=[f"r{n}" for n in range(len(vectors))])
    frame.columns = [f"c{n}" for n in range(vectors.shape[1])]
    out = HashTransformer(bits=8, steps=5).set_output(transform="pandas").fit_transform(frame)
    assert list(out.columns) == [f"hashtransformer{n}" for n in range(8)]
    assert list(out.index) == list(frame.index)
    np.testing.assert_array_equal(out, HashTransformer(bits=8, steps=5).fit_transform(vectors))


def test_a_pickled_model_gives_the_same_codes_and_a_clone_has_none(vectors):
    transformer = HashTransformer(bits=16, steps=5, settings=SMALL).fit(vectors)
    again = pickle.loads(pickle.dumps(transformer))
    assert again.hasher_.digest == transformer.hasher_.digest
    np.testing.assert_array_equal(again.transform(vectors), transformer.transform(vectors))
    fresh = clone(transformer)
    assert fresh.get_params() == transformer.get_params()
    with pytest.raises(NotFittedError):
        fresh.transform(vectors)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"output": "hex"}, "output is 'hex': give one of bits, signs, packed, logits"),
        ({"bits": 12}, "bits is 12: give a multiple of 8 from 8 to 256"),
        ({"settings": {"widths": 3}}, "unknown settings widths: give fields of hashret.Settings"),
    ],
)
def test_parameters_that_cannot_be_are_told_in_fit(given, message, vectors):
    transformer = HashTransformer(**given)
    with pytest.raises(InvalidInput) as caught:
        transformer.fit(vectors)
    assert str(caught.value) == message


def test_texts_and_rows_are_not_mixed(vectors):
    with pytest.raises(InvalidInput) as caught:
        HashTransformer(bits=8, steps=5).fit(vectors).transform(["moon"])
    assert str(caught.value) == "these are texts, and fit saw dense rows: give the same"
    with pytest.raises(InvalidInput) as caught:
        HashTransformer(bits=8, steps=5, settings=SMALL).fit(TEXTS).transform(vectors)
    assert str(caught.value) == "these are no texts, and fit saw texts: give a list of strings"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["moon", None], "text 1 is None: give a string, or leave it out"),
        (np.array([np.nan, "moon"], dtype=object), "text 0 is nan: give a string, or leave it out"),
        (("moon", 3), "text 1 is 3: give a string, or leave it out"),
    ],
)
def test_a_text_that_is_missing_is_told(texts, message):
    with pytest.raises(InvalidInput) as caught:
        HashTransformer().fit(texts)
    assert str(caught.value) == message


def test_without_scikit_learn_the_extra_is_named():
    program = "import sys; sys.modules['sklearn'] = None; import hashret.integrations.sklearn"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (
        run.stderr.splitlines()[-1]
        == "indexer.errors.NotInstalled: HashTransformer is of scikit-learn: pip install 'hashret[sklearn]'"
    )


def test_matrices_are_left_as_they_are():
    matrix = sparse.csr_matrix(np.random.default_rng(0).random((60, 12), dtype=np.float32).round())
    order = np.concatenate([np.arange(a, b)[::-1] for a, b in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)])
    given = sparse.csr_matrix((matrix.data[order], matrix.indices[order], matrix.indptr), matrix.shape)
    before = [array.copy() for array in (given.data, given.indices, given.indptr)]
    hasher = HashTransformer(bits=8, steps=2, settings=SMALL).fit(given)
    np.testing.assert_array_equal(hasher.transform(given), hasher.transform(matrix))
    for now, then in zip((given.data, given.indices, given.indptr), before, strict=True):
        np.testing.assert_array_equal(now, then)
