"""Commands that filter, export and import, as a user gives them."""

import json

import faiss
import numpy as np
import pytest

from hashret.codefile import CodeFile
from hashret.engine import Engine
from hashret.inputs import Entry, Source
from tests.hashret.conftest import make_entries
from tests.hashret.terminal import run
from tests.indexer import brute
from tests.indexer.conftest import clustered_codes

CODES = clustered_codes(60, 64)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory, hasher):
    """A file whose entries have a number and, every third, a day; nobody changes it."""
    path = tmp_path_factory.mktemp("numbered") / "docs.db"
    with Engine.create(str(path), hasher) as engine:
        engine.add(
            Entry(
                one.key, one.content, {**one.meta, "n": n, **({"day": f"2024-0{1 + n % 9}-01"} if n % 3 == 0 else {})}
            )
            for n, one in enumerate(make_entries(120))
        )
    return path


@pytest.fixture
def codes(tmp_path):
    """A file of codes without a model, imported from a FAISS index."""
    index = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(64))
    index.add_with_ids(CODES, np.arange(60, dtype=np.int64) + 100)
    faiss.write_index_binary(index, str(tmp_path / "codes.faiss"))
    out, err = run("import", tmp_path / "codes.db", tmp_path / "codes.faiss")
    assert (out, err) == ("", "60 added, 0 updated: codes of 64 bits, read as IndexBinaryIDMap\n")
    return tmp_path / "codes.db"


@pytest.mark.parametrize(
    ("conditions", "numbers"),
    [
        (["n<3"], {0, 1, 2}),
        (["n >= 3", "n < 9", "topic in (food, sport)"], {5, 6}),
        (["(topic=food or topic='sport') and n <= 2"], {1, 2}),
        (["not day=null and n < 7"], {0, 3, 6}),
        (["day < '2024-03' and n<20"], {0, 9, 18}),
    ],
)
@pytest.mark.parametrize("command", ["query", "similar", "export"])
def test_where(numbered, conditions, numbers, command):
    words = [word for text in conditions for word in ("--where", text)]
    first = {"query": ["moon", "--ids"], "similar": ["money/119", "--ids"], "export": []}[command]
    out, _ = run(command, numbered, *first, *words)
    keys = [json.loads(line)["id"] for line in out.splitlines()] if command == "export" else out.split()
    assert {int(key.split("/")[1]) for key in keys} == numbers
    assert len(keys) == len(numbers)


def test_a_wrong_condition_or_field_is_told(numbered):
    assert run("query", numbered, "moon", "--where", "n>=", code=2)[1] == (
        "Error: where 'n>=': at its end: a value is missing: write FIELD=VALUE, as lang=en\n"
    )
    for command in ("query", "similar", "export"):
        first = {"query": ["moon"], "similar": ["money/119"], "export": []}[command]
        assert run(command, numbered, *first, "--where", "topci=food", code=2)[1] == (
            f"Error: {numbered}: no entry has the field 'topci': did you mean 'topic'?\n"
        )
    assert run("query", numbered, "moon", "--where", "topic=nothing", code=1) == ("", "")


def test_fields_and_their_index(tmp_path, hasher):
    db = tmp_path / "docs.db"
    with Engine.create(str(db), hasher) as engine:
        engine.add([Entry("a", "moon", {"n": 1, "x": "y"}), Entry("b", "bread", {"n": "2", "x": None})])
    before = [{"field": "n", "entries": 2, "types": "number, text", "indexed": False},
              {"field": "x", "entries": 1, "types": "null, text", "indexed": False}]  # fmt: skip
    assert [json.loads(line) for line in run("fields", db)[0].splitlines()] == before
    out, err = run("fields", db, "--index", "n", "--index", "later", "--csv")
    assert err == f"{db}: no entry has the field 'later': there are n, x: it is indexed all the same\n"
    assert out.splitlines() == [
        "field,entries,types,indexed", "later,0,,True", 'n,2,"number, text",True', 'x,1,"null, text",False',
    ]  # fmt: skip
    assert run("query", db, "moon", "--where", "n>1", "--ids")[0] == "b\n"
    assert [json.loads(line) for line in run("fields", db, "--drop", "n", "--drop", "later")[0].splitlines()] == before
    assert run("query", db, "moon", "--where", "n>1", "--ids")[0] == "b\n"
    run("fields", db, "--index", "x")
    unknown = f"Error: {db}: the field 'n' is not indexed: there are x\n"
    assert run("fields", db, "--drop", "x", "--drop", "n", code=2) == ("", unknown)
    assert [json.loads(line)["indexed"] for line in run("fields", db)[0].splitlines()] == [False, True]


def test_what_is_exported_is_indexed_again_as_it_was(numbered, tmp_path, hasher):
    for name in ("out.jsonl", "out.parquet"):
        assert run("export", numbered, "-o", tmp_path / name) == ("", f"120 written to {tmp_path / name}\n")
        copy = tmp_path / f"{name}.db"
        Engine.create(str(copy), hasher).close()
        assert run("add", copy, tmp_path / name)[1] == "120 added, 0 updated, 0 unchanged\n"
        assert run("add", numbered, tmp_path / name)[1] == "0 added, 0 updated, 120 unchanged\n"
        assert run("export", copy)[0] == run("export", numbered)[0]
        assert run("query", copy, "moon", "--where", "n<30") == run("query", numbered, "moon", "--where", "n<30")


def test_codes_of_a_model_are_imported_into_a_file_of_their_own(numbered, tmp_path):
    run("export", numbered, "-o", tmp_path / "c.npy")
    _, err = run("import", tmp_path / "c.db", tmp_path / "c.npy", "--ids", tmp_path / "c.ids.txt")
    assert err == "120 added, 0 updated: codes of 32 bits, read as packed bits\n"
    ours, theirs = (
        [(hit["key"], hit["distance"]) for hit in map(json.loads, run("similar", db, "food/5", *words)[0].splitlines())]
        for db, words in ((numbered, ["--no-rerank"]), (tmp_path / "c.db", []))
    )
    assert ours == theirs
    run("export", numbered, "--codes", "-o", tmp_path / "c.jsonl")
    run("import", tmp_path / "l.db", tmp_path / "c.jsonl")
    assert run("export", tmp_path / "l.db")[0] == (tmp_path / "c.jsonl").read_text()
    assert (
        run("similar", tmp_path / "l.db", "food/5", "--where", "topic=money", "-k", 3, "--ids")[0].count("money/") == 3
    )


def test_a_file_of_codes_answers_as_brute_force(codes, tmp_path):
    np.save(tmp_path / "q.npy", CODES[7:9])
    code, file = CODES[3].tobytes().hex(), tmp_path / "q.npy"
    out, _ = run("query", codes, code, "--file", file, "-k", 4)
    hits = [json.loads(line) for line in out.splitlines()]
    for name, query in ((code, 3), (f"{file}:0", 7), (f"{file}:1", 8)):
        ids, near = brute.search(np.arange(60), CODES, CODES[query], 4)
        found = [(int(hit["key"]) - 100, hit["distance"], hit["score"]) for hit in hits if hit["query"] == name]
        assert found == [(number, away, 1 - away / 64) for number, away in zip(ids, near, strict=True)]
    others = [number for number in brute.within(np.arange(60), CODES, CODES[5], 9)[0] if number != 5]
    assert run("similar", codes, 105, "-r", 9, "--ids")[0].split() == [str(number + 100) for number in others]
    assert run("query", codes, "-", "-k", 1, "--ids", input=CODES[4].tobytes().hex())[0] == "104\n"


def test_a_file_of_codes_is_told_of_checked_changed_and_exported(codes, tmp_path):
    info = json.loads(run("info", codes)[0])
    assert (info["entries"], info["bits"], info["kind"]) == (60, 64, "codes")
    assert run("check", codes)[0].startswith("ok: the database is whole\n")
    assert run("query", codes, "00" * 8, "--explain")[0].startswith("scan: all 60 codes")
    assert run("similar", codes, "105", "--explain")[0].startswith("scan: all 60 codes")
    assert run("remove", codes, "100", "101")[1] == "2 removed\n"
    np.save(tmp_path / "more.npy", np.unpackbits(CODES[:2], axis=1))
    (tmp_path / "ids.txt").write_text("159\nnew\n")
    assert run("import", codes, tmp_path / "more.npy", "--ids", tmp_path / "ids.txt")[1] == (
        "1 added, 1 updated: codes of 64 bits, read as bits 0 and 1\n"
    )
    run("export", codes, "-o", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays["ids"].tolist() == [*map(str, range(102, 160)), "new"]
        assert np.array_equal(arrays["codes"], np.concatenate([CODES[2:59], CODES[:2]]))
    with CodeFile.open(str(codes)) as held:
        assert (len(held), held.bits, held.get("new").distance, held.query(CODES[:0])) == (59, 64, 0, [])


@pytest.mark.parametrize("words", [("add",), ("evaluate",), ("dedup",), ("anomaly",)])
def test_commands_that_need_a_model_say_so(codes, words, tmp_path):
    (tmp_path / "t.txt").write_text("text")
    paths = [tmp_path / "t.txt"] if words == ("add",) else []
    assert run(*words, codes, *paths, code=2)[1] == (
        f"Error: {codes}: holds codes without a model, which this needs: index into a new file (codes alone are "
        "searched by `hashret query`, and in Python by Index.open)\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["query", "moon"], "query 'moon': is no code: give its bytes in hexadecimal"),
        (["query"], "no query: give a text, --file FILE, or - for standard input"),
    ],
)
def test_queries_that_are_no_codes_are_told(codes, words, message):
    assert run(words[0], codes, *words[1:], code=2)[1] == f"Error: {message}\n"


def test_imports_that_cannot_be_are_told_and_leave_nothing(numbered, codes, tmp_path):
    np.save(tmp_path / "short.npy", np.full((2, 4), 9, np.uint8))
    assert run("import", codes, tmp_path / "short.npy", code=2)[1] == (
        f"Error: {tmp_path}/short.npy: holds codes of 32 bits, not of 64: give codes of one length\n"
    )
    assert run("import", numbered, tmp_path / "short.npy", code=2)[1] == (
        f"Error: {numbered}: has a model, by which all its codes are: put ready-made codes into a new file\n"
    )
    np.save(tmp_path / "none.npy", np.zeros((0, 8), np.uint8))
    for name in ("none.npy", "nothing.npy"):
        run("import", tmp_path / "new.db", tmp_path / name, code=2)
        assert not (tmp_path / "new.db").exists()
    (tmp_path / "ids.json").write_text('["a", ""]')
    run("import", tmp_path / "new.db", tmp_path / "short.npy", "--ids", tmp_path / "ids.json", code=2)
    assert not (tmp_path / "new.db").exists()


def test_vectors_of_a_file_are_kept_as_int8(tmp_path, vectors):
    np.save(tmp_path / "v.npy", vectors)
    words = ("--bits", 32, "--steps", 20, "--store-vectors", "int8")
    run("index", tmp_path / "v.db", tmp_path / "v.npy", *words)
    assert json.loads(run("info", tmp_path / "v.db")[0])["vectors"] == "int8"
    np.save(tmp_path / "q.npy", vectors[5:6])
    hit = json.loads(run("query", tmp_path / "v.db", "--file", tmp_path / "q.npy", "-k", 1)[0])
    assert (hit["key"], hit["score"]) == (f"{tmp_path}/v.npy:5", pytest.approx(1, abs=1e-4))
    assert run("similar", tmp_path / "v.db", hit["key"], "--explain")[0].startswith("scan: all 80 codes")


def test_no_field_and_no_key_is_lost_in_an_export(tmp_path, hasher):
    metas = [{"meta.id": 1, "id": 2, "text": "x", "meta.meta.id": 3}, {"n": 2**53 + 1}, {"n": 0.5}, {"n": 2**60}]
    with Engine.create(str(tmp_path / "a.db"), hasher) as engine:
        engine.add([Entry(f"k{number}", "moon", meta) for number, meta in enumerate(metas)])
    run("export", tmp_path / "a.db", "-o", tmp_path / "a.jsonl")
    first = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])
    own = {"meta.id": 1, "meta.meta.id": 3, "meta.meta.meta.id": 2, "meta.text": "x"}
    assert first == {"id": "k0", "text": "moon", **own}
    run("export", tmp_path / "a.db", "-o", tmp_path / "a.parquet")
    again = list(Source([str(tmp_path / "a.parquet")]))
    assert [entry.meta["n"] for entry in again[1:]] == [2**53 + 1, 0.5, 2**60]
    for key in ("\ufeffk", "a\0b"):
        with Engine.create(str(tmp_path / f"{len(key)}.db"), hasher) as engine:
            engine.add([Entry(key, "moon")])
        _, err = run("export", tmp_path / f"{len(key)}.db", "-o", tmp_path / "c.npy", code=2)
        assert err.endswith("which is no line of a text file: write an .npz\n")
