"""A model beside the one in use: complete before it answers, never mixed with the other, gone when it is dropped."""

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import Index
from indexer.errors import InvalidInput, Mismatch, NotFound
from indexer.rows import Generation, Model
from indexer.store import Store
from indexer.tables import Scan
from tests.indexer import brute
from tests.indexer.conftest import change, clustered_codes, file_rows, rows_of, succeeded

OTHER = Model(0, 64, "b" * 64, "settings", b"weights")
some_keys = st.lists(st.sampled_from([f"k{n}" for n in range(7)]), unique=True, min_size=1, max_size=5)
actions = st.sampled_from(["add", "add", "remove", "begin", "put", "put", "promote", "drop", "reopen"])
steps = st.lists(st.tuples(actions, some_keys, st.integers(0, 2)), max_size=24)


def coded(digest, contents, bits):
    """The codes that the model of this digest gives: nothing that two models would agree on."""
    rows = [list(sha256(f"{digest} {content}".encode()).digest()[: bits // 8]) for content in contents]
    return np.array(rows, dtype=np.uint8).reshape(-1, bits // 8)


def stored(index, digest, keys, seed):
    contents = [f"{key} {seed}" for key in keys]
    index.add(keys, coded(digest, contents, index.bits), contents=contents, digests=[one.encode() for one in contents])


def put(index, digest, bits, size=10**6):
    """Give entries without a code theirs, as a program would."""
    succession = index.store.succession
    lacking = succession.lacking(0, size)
    codes = coded(digest, [one.content for one in lacking], bits)
    return succession.put(succession.beside(), [one.id for one in lacking], [one.digest for one in lacking], codes)


def equals_brute_force(index, digest, contents):
    """Rows, segments and answers of one model are those of the contents, by id."""
    ids = index.ids(list(contents))
    codes = coded(digest, list(contents.values()), index.bits)
    order = np.argsort(ids)
    assert [part.tolist() for part in rows_of(index)] == [ids[order].tolist(), codes[order].tolist()]
    kept = Scan.of(*index.store.segments({}), index.bits // 8)
    assert [kept.ids.tolist(), kept.codes.tolist()] == [ids[order].tolist(), codes[order].tolist()]
    for query in codes[:2]:
        right = brute.search(ids, codes, query, 3)
        found = index.search(query, 3)
        kept = found.ids[0] >= 0
        assert (found.ids[0][kept].tolist(), found.distances[0][kept].tolist()) == right
        assert index.within(query, 0).ids.tolist() == brute.within(ids, codes, query, 0)[0]


class Machine:
    """A file, and what should be in it: contents by key, and the names of the two models with their bits."""

    def __init__(self, path):
        self.path, self.contents, self.made = path, {}, 0
        self.index = Index(Store.create(path, 16, ("settings", b"weights", "m0")))
        self.in_use, self.beside = ("m0", 16), None

    def add(self, keys, seed):
        stored(self.index, self.in_use[0], keys, seed)
        self.contents |= {key: f"{key} {seed}" for key in keys}

    def remove(self, keys, seed):
        gone = [key for key in keys if key in self.contents]
        self.index.remove(gone)
        self.contents = {key: content for key, content in self.contents.items() if key not in gone}

    def begin(self, keys, seed):
        if self.beside is None:
            self.made += 1
            self.beside = f"m{self.made}", (16, 24)[seed % 2]
            self.index.store.succession.begin(Model(0, self.beside[1], self.beside[0], "settings", b"weights"))

    def put(self, keys, seed):
        if self.beside:
            put(self.index, *self.beside, size=(1, 2, 9)[seed])

    def promote(self, keys, seed):
        if self.beside:
            succession = self.index.store.succession
            number, complete = succession.beside(), succession.generations()[1].complete
            assert succession.promote(number) == complete
            if complete:
                self.in_use, self.beside = self.beside, self.in_use
                self.index = Index(self.index.store.of(number))

    def drop(self, keys, seed):
        if self.beside:
            succession = self.index.store.succession
            succession.drop(succession.beside())
            self.beside = None

    def reopen(self, keys, seed):
        self.index.close()
        self.index = Index.open(self.path)


@settings(max_examples=20, deadline=None)
@given(steps)
def test_any_sequence_of_changes_keeps_both_models_true(tmp_path_factory, changes):
    machine = Machine(str(tmp_path_factory.mktemp("store") / "codes.db"))
    for what, keys, seed in changes:
        getattr(machine, what)(keys, seed)
        _true_beside(machine.path, machine.index, machine.beside, machine.contents)
        if machine.contents:
            equals_brute_force(machine.index, machine.in_use[0], machine.contents)
    machine.index.close()


def _true_beside(path, index, beside, contents):
    """What there is of the other model is right, counted, and only asked when it is all."""
    rows = file_rows(path)
    generations = index.store.succession.generations()
    if not beside:
        assert len(generations) == len(rows["models"]) == 1
        assert {row[0] for row in rows["buckets"] + rows["segments"]} <= {generations[0].id}
        return
    digest, bits = beside
    number = generations[1].id
    assert generations[1].digest == digest
    keys = {row[0]: row[1] for row in rows["entries"]}
    codes = {keys[entry]: code for model, entry, code in rows["buckets"] if model == number}
    for key, code in codes.items():
        assert code == coded(digest, [contents[key]], bits).tobytes()
    assert (generations[1].encoded, generations[1].entries) == (len(codes), len(contents))
    if len(codes) == len(contents):
        if contents:
            equals_brute_force(Index(index.store.of(number)), digest, contents)
    else:
        with pytest.raises(Mismatch):
            index.store.of(number).rows_of_codes()


def test_what_is_not_complete_is_not_asked(filled):
    with Index.open(filled.path) as index:
        number = index.store.succession.begin(OTHER)
        put(index, "b", 64, size=50)
        view = Index(index.store.of(number))
        for use in (
            lambda: view.search(filled.codes[:1], 1),
            lambda: view.within(filled.codes[:1], 0),
            lambda: view.store.model(),
            lambda: view.codes([1]),
        ):
            with pytest.raises(Mismatch) as error:
                use()
            assert str(error.value) == (
                f"{filled.path}: model bbbbbbbbbbbb has codes of 50 of 200 entries: `hashret reencode` makes the others"
            )
        assert index.search(filled.codes[7], 1).ids.tolist() == [[8]]


def test_a_view_sees_that_an_entry_was_added_without_its_code(filled):
    with Index.open(filled.path) as index:
        number = index.store.succession.begin(OTHER)
        put(index, "b", 64)
        view = Index(index.store.of(number))
        view.search(filled.codes[:1], 1)
        index.add(["new"], filled.codes[:1])
        with pytest.raises(Mismatch):
            view.search(filled.codes[:1], 1)
        put(index, "b", 64)
        assert view.search(coded("b", [None], 64), 300).ids.max() == 201
        index.remove(["k3"])
        assert 4 not in view.search(filled.codes[:1], 300).ids
        assert view.check().problems == []


def test_a_model_that_took_the_place_of_a_dropped_one_does_not_answer_for_it(filled):
    with Index.open(filled.path) as index:
        succession = index.store.succession
        first = succession.begin(OTHER)
        put(index, "b", 64)
        view = Index(index.store.of(first))
        view.search(filled.codes[:1], 1)
        succession.drop(first)
        second = succession.begin(Model(0, 64, "c" * 64, "settings", b"weights"))
        put(index, "c", 64)
        assert (first, second) == (2, 3)
        with pytest.raises(Mismatch) as error:
            view.search(filled.codes[:1], 1)
        assert str(error.value) == f"{filled.path}: its model was dropped since it was opened: open it again"
        with pytest.raises(NotFound) as gone:
            index.store.of(first)
        assert str(gone.value) == f"{filled.path}: has no model number 2: it was dropped"


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("bits", [32, 64])
def test_codes_of_one_model_are_never_compared_with_those_of_another(filled, bits, warm):
    """Same keys, same revisions of segments: only the model tells them apart."""
    codes = clustered_codes(200, bits, seed=9)
    with Index.open(filled.path) as index:
        index.warm() if warm else index.search(filled.codes[:1], 1)
        new = succeeded(index, bits, codes)
        new.warm() if warm else None
        for query in codes[:5]:
            found = new.search(query, 5)
            right = brute.search(filled.ids, codes, query, 5)
            assert (found.ids[0].tolist(), found.distances[0].tolist()) == right
            assert new.bucket(query).tolist() == brute.within(filled.ids, codes, query, 0)[0]
        assert new.check().problems == []
        back = Index(new.store.of(1))
        for query in filled.codes[:5]:
            assert back.search(query, 5).ids[0].tolist() == brute.search(filled.ids, filled.codes, query, 5)[0]
        with pytest.raises(Mismatch):
            index.search(filled.codes[:1], 1)


def test_codes_of_what_an_entry_was_are_passed_over(path):
    with Index.create(path, 16) as index:
        stored(index, "a", ["same", "changed", "gone", "done"], 0)
        succession = index.store.succession
        number = succession.begin(Model(0, 16, "b", "settings", b"weights"))
        put(index, "b", 16, size=0)
        lacking = succession.lacking(0, 9)
        assert [(one.id, one.key, one.digest, one.content, one.vector) for one in lacking[:2]] == [
            (1, "same", b"same 0", "same 0", None),
            (2, "changed", b"changed 0", "changed 0", None),
        ]
        succession.put(number, [4], [b"done 0"], coded("b", ["done 0"], 16))
        stored(index, "a", ["changed"], 1)
        index.remove(["gone"])
        wrong = coded("b", ["same 0", "changed 0", "gone 0", "other"], 16)
        assert succession.put(number, [1, 2, 3, 4], [one.digest for one in lacking], wrong)
        codes = {entry: code for model, entry, code in file_rows(path)["buckets"] if model == number}
        assert codes == {1: wrong[0].tobytes(), 4: coded("b", ["done 0"], 16).tobytes()}
        assert [one.id for one in succession.lacking(0, 9)] == [2]
        assert [one.id for one in succession.lacking(2, 9)] == []
        assert succession.lacking_keys(["same", "changed", "gone"]) == {"changed": (2, b"changed 1")}
        assert succession.promote(number) is False


def test_one_model_at_a_time_stands_beside(filled):
    with Index.open(filled.path) as index:
        succession = index.store.succession
        assert (succession.beside(), succession.begin(OTHER), succession.begin(OTHER)) == (0, 2, 2)
        before = file_rows(filled.path)
        with pytest.raises(InvalidInput) as error:
            succession.begin(Model(0, 64, "c" * 64, "settings", b"weights"))
        text = "model bbbbbbbbbbbb stands beside already: promote or drop it first"
        assert str(error.value) == f"{filled.path}: {text}"
        assert file_rows(filled.path) == before
        put(index, "b", 64)
        assert succession.promote(2)
        with pytest.raises(InvalidInput) as error:
            Index(index.store.of(2)).store.succession.begin(Model(0, 64, "c" * 64, "settings", b"weights"))
        assert (
            str(error.value)
            == f"{filled.path}: model (ready-made codes) stands beside already: promote or drop it first"
        )


def test_the_model_in_use_cannot_stand_beside_itself(path):
    with Index(Store.create(path, 64, ("settings", b"weights", "a" * 64))) as index:
        before = file_rows(path)
        with pytest.raises(InvalidInput) as error:
            index.store.succession.begin(Model(0, 64, "a" * 64, "settings", b"weights"))
        assert str(error.value) == (
            f"{path}: model aaaaaaaaaaaa is in use already: the same settings, seed and entries give the same model"
        )
        assert file_rows(path) == before


def test_without_a_model_beside_there_is_none_to_promote_or_drop(filled):
    with Index.open(filled.path) as index:
        for act in (index.store.succession.promote, index.store.succession.drop):
            for number in (0, 1, 2):
                with pytest.raises(NotFound) as error:
                    act(number)
                assert str(error.value) == (
                    f"{filled.path}: no model stands beside the one in use: make one by `hashret reencode`"
                )
        assert index.store.succession.put(2, [1], [None], filled.codes[:1]) is False


def test_drop_leaves_nothing_but_the_number(filled):
    before = file_rows(filled.path)
    with Index.open(filled.path) as index:
        number = index.store.succession.begin(OTHER)
        facts = {"beside": "2", "encoded": "0", "last_model": "2"}
        assert dict(file_rows(filled.path)["facts"]) == dict(before["facts"]) | facts
        put(index, "b", 64)
        index.store.succession.drop(number)
    after = file_rows(filled.path)
    assert dict(after.pop("facts")) == dict(before.pop("facts")) | {"last_model": "2"}
    assert after == before


def test_promoting_changes_two_facts_and_keeps_both(filled):
    with Index.open(filled.path) as index:
        number = index.store.succession.begin(OTHER)
        put(index, "b", 64)
        before = file_rows(filled.path)
        assert index.store.succession.promote(number)
        after = file_rows(filled.path)
        assert dict(after.pop("facts")) == dict(before.pop("facts")) | {"model": "2", "beside": "1"}
        assert after == before
    with Index.open(filled.path) as index:
        generations = index.store.succession.generations()
        assert [(one.id, one.digest, one.bits, one.encoded, one.entries, one.in_use) for one in generations] == [
            (2, "b" * 64, 64, 200, 200, True), (1, "", 64, 200, 200, False),
        ]  # fmt: skip
        assert index.store.succession.promote(1)
    with Index.open(filled.path) as index:
        assert index.search(filled.codes[:1], 1).ids.tolist() == [[1]]


def test_a_view_that_is_not_in_use_is_not_written_by(filled):
    with Index.open(filled.path) as index:
        number = index.store.succession.begin(OTHER)
        put(index, "b", 64)
        view = Index(index.store.of(number))
        before = file_rows(filled.path)
        for write in (
            lambda: view.add(["new"], filled.codes[:1]),
            lambda: view.remove(["k1"]),
            lambda: view.store.succession.promote(number),
        ):
            with pytest.raises(Mismatch) as error:
                write()
            assert str(error.value) == (
                f"{filled.path}: is open by a model that is not in use: open it without one to write"
            )
        assert file_rows(filled.path) == before


def test_segments_of_the_model_beside_are_made_anew_where_they_are_missing(filled):
    with Index.open(filled.path) as index:
        number = index.store.succession.begin(OTHER)
        put(index, "b", 64, size=60)
        change(filled.path, "DELETE FROM segments")
        index.remove(["k3"])
        put(index, "b", 64)
        view = Index(index.store.of(number))
        assert view.check().problems == []
        assert sum(row[3] for row in file_rows(filled.path)["segments"] if row[0] == number) == 199


def test_share_and_completeness():
    assert (Generation(1, "", 8, "", 1, 4, False).share, Generation(1, "", 8, "", 1, 4, False).complete) == (
        0.25,
        False,
    )
    assert (Generation(1, "", 8, "", 0, 0, False).share, Generation(1, "", 8, "", 0, 0, False).complete) == (1.0, True)
