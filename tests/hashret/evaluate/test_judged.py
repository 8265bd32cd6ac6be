import gzip
import json

import numpy as np
import pytest

from hashret.evaluate import Judgements
from hashret.evaluate.judged import among_stored, beir, labelled, labels_of, trec
from hashret.inputs import Entry
from indexer.errors import HashretError, InvalidInput

KEYS = ["a", "b", "c d", "e"]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A function that writes files, in a folder that is the present one."""
    monkeypatch.chdir(tmp_path)

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / name.replace("__", ".")).write_text(text)

    write(q__jsonl='{"id": "1", "text": "one"}\n{"id": "2", "text": "two"}\n', q__tsv="1\tone\n\n2\ttwo\twords\n")
    return write


def gains(judged, count=4):
    return judged.gains(slice(0, len(judged)), count).tolist()


def test_trec_qrels(files):
    files(r__txt="1 0 a 2\n1 0 b -1\n\n2\t0\tc d\t1\n2 0 e 0\n")
    for queries, second in (("q.jsonl", "two"), ("q.tsv", "two\twords")):
        judged = trec("r.txt", queries, KEYS)
        assert judged.contents == ["one", second]
        assert gains(judged) == [[2, 0, 0, 0], [0, 0, 1, 0]]
        assert (judged.own.tolist(), judged.notes) == ([-1, -1], [])


def test_keys_that_are_not_stored_are_counted_and_left_out(files):
    files(r__txt="1 0 a 1\n1 0 gone 1\n2 0 gone 1\n")
    judged = trec("r.txt", "q.jsonl", KEYS).usable(10, 0)
    assert judged.contents == ["one"]
    assert judged.notes == [
        "1 of 2 judged keys are not stored",
        "1 queries without a relevant stored entry are left out",
    ]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["qrels/test.tsv", "qrels.tsv"])
def test_beir_folders(tmp_path, name, packed):
    def write(name, text):
        path = tmp_path / (name + ".gz" * packed)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())

    write("queries.jsonl", '{"_id": "1", "text": "one"}\n{"_id": "unjudged", "text": "two"}\n')
    write(name, "query-id\tcorpus-id\tscore\n1\tc d\t2\n1\tb\t1\n")
    judged = beir(str(tmp_path), KEYS)
    assert (judged.contents, gains(judged)) == (["one"], [[0, 1, 2, 0]])


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ("1 0 a 1\n1 0 b\n1 a\n", "r.txt:2: grade is 'b': give a whole number"),
        ("1 0 a 1\n\n1 a\n", "r.txt:3: has 2 columns: write query, 0, key, grade, or query, key, grade"),
        ("1 0 a x\n", "r.txt:1: grade is 'x': give a whole number"),
        ("1 0 a 1\n1 0 a 2\n", "r.txt:2: query '1' grades 'a' twice: remove one line"),
        ("1 0 a 1\n9 0 a 1\n", "r.txt:2: query '9' is not in q.tsv: add its text"),
        ("1 0 x 1\n", "r.txt: none of its 1 keys is stored: DB must have the keys that it grades"),
        ("", "r.txt: none of its 0 keys is stored: DB must have the keys that it grades"),
    ],
)
def test_broken_qrels(files, qrels, message):
    files(r__txt=qrels)
    with pytest.raises(InvalidInput) as caught:
        trec("r.txt", "q.tsv", KEYS)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ("1 one\n", "q.tsv:1: is not query<TAB>text: write both on each line"),
        ("1\t \n", "q.tsv:1: is not query<TAB>text: write both on each line"),
        ("1\tone\n1\ttwo\n", "q.tsv:2: query '1' was given before: give every query its own id"),
    ],
)
def test_broken_queries(files, queries, message):
    files(r__txt="1 0 a 1\n", q__tsv=queries)
    with pytest.raises(InvalidInput) as caught:
        trec("r.txt", "q.tsv", KEYS)
    assert str(caught.value) == message


def test_only_a_graded_query_must_be_readable(files):
    broken = '{"_id": "2", "text": ""}\n'
    files(r__txt="1 0 a 1\n", q__jsonl='{"_id": "1", "text": "one"}\n' + broken)
    assert trec("r.txt", "q.jsonl", KEYS).contents == ["one"]
    files(r__txt="1 0 a 1\n2 0 a 1\n")
    with pytest.raises(InvalidInput) as caught:
        trec("r.txt", "q.jsonl", KEYS)
    assert str(caught.value) == "q.jsonl:2: field 'text' is empty: remove the entry or fill it"


def test_labels_share_a_value():
    metas = [{"topic": ["x", 3]}, {"topic": "3"}, {"topic": True}, {"topic": None}, {}, {"topic": "x"}]
    labels = [labels_of(meta, "topic") for meta in metas]
    assert labels == [{"x", "3"}, {"3"}, {"true"}, set(), set(), {"x"}]
    judged = among_stored(labels, 10, 0)
    assert (judged.contents, judged.own.tolist()) == (None, [0, 1, 5])
    assert gains(judged, 6) == [[0, 1, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]]


def test_a_sample_is_the_same_again():
    labels = [frozenset({"x"})] * 50
    first = among_stored(labels, 5, 3)
    assert first.own.tolist() == among_stored(labels, 5, 3).own.tolist() != among_stored(labels, 5, 4).own.tolist()
    assert first.notes == ["5 of 50 queries, drawn at random: --sample takes more"]
    whole = among_stored(labels, 50, 0)
    assert whole.usable(5, 0).notes == first.notes
    assert len(whole.usable(5, 0)) == 5


def test_labelled_queries_are_not_their_own_answers(files):
    entries = [Entry("a", "one", {"topic": "x"}), Entry("b", "two", {"topic": "x"}), Entry("e", "lone", {"topic": "y"})]
    stored = {entry.digest(): number for number, entry in enumerate(entries)}
    rows = [("new", "one", "x"), ("other key", "one", "y"), ("n", "three", "x"), ("lone", "lone", "y")]
    files(l__jsonl="".join(json.dumps(dict(zip(("id", "text", "topic"), row, strict=True))) + "\n" for row in rows))
    judged = labelled("l.jsonl", "topic", [labels_of(entry.meta, "topic") for entry in entries], stored)
    assert judged.own.tolist() == [0, -1, -1, 2]
    assert gains(judged, 3) == [[0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0]]
    assert judged.usable(9, 0).contents == ["one", "one", "three"]


def test_a_query_without_the_label(files):
    files(l__jsonl='{"id": "1", "text": "one", "topic": "x"}\n{"id": "2", "text": "two", "other": 3}\n')
    with pytest.raises(InvalidInput) as caught:
        labelled("l.jsonl", "topic", [frozenset({"x"})], {})
    assert str(caught.value) == "l.jsonl: query '2' has no field 'topic': its fields are other"


def test_no_relevant_entry_at_all():
    with pytest.raises(InvalidInput) as caught:
        among_stored([frozenset({"x"}), frozenset({"y"})], 10, 0).usable(10, 0)
    assert str(caught.value) == "no query has a relevant stored entry: nothing can be judged"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"qrels": "r.txt"}, "--qrels and --queries belong together: give both"),
        (
            {"qrels": "r.txt", "queries": "q.tsv", "label": "x"},
            "give --qrels with --queries, or a BEIR folder, or --label: one of the three",
        ),
        ({"path": "nowhere"}, "nowhere: no such file or folder: check the path"),
        ({"path": "q.tsv"}, "q.tsv: is no BEIR folder: name the field with the label by --label FIELD"),
    ],
)
def test_what_does_not_go_together(files, given, message):
    with pytest.raises(HashretError) as caught:
        Judgements(**given)
    assert str(caught.value) == message


def test_a_folder_that_is_not_beir(files):
    with pytest.raises(HashretError) as caught:
        beir(".", KEYS)
    assert str(caught.value) == (
        ".: has no qrels/test.tsv or qrels.tsv: give a folder in the form of BEIR, or name the field with --label FIELD"
    )
    assert not Judgements()
    assert Judgements(label="topic")


def test_gains_leave_out_the_query_itself():
    judged = among_stored([frozenset({"x"})] * 3, 10, 0)
    assert np.array_equal(judged.gains(slice(1, 3), 3), [[1, 0, 1], [1, 1, 0]])
