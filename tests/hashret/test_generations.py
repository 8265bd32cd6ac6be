"""A model trained beside the one in use: resumable, true to what is stored whoever writes meanwhile, never mixed."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from threading import Thread
from time import sleep

import numpy as np
import pytest

from hashret import generations
from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry
from indexer.errors import Corrupt, InvalidInput, Mismatch, NotFound
from tests.hashret.conftest import FAST, make_entries
from tests.hashret.terminal import run

OTHER = replace(FAST, bits=16, steps=30, seed=5)


@pytest.fixture(scope="session")
def other(entries) -> Hasher:
    return Hasher.fit([entry.content for entry in entries], OTHER)


def codes_in(path, number):
    sql = "SELECT key, code FROM entries JOIN buckets ON entry = id WHERE model = ?"
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute(sql, (number,)).fetchall())


def brute(hasher, entries):
    codes = hasher.encode([entry.content for entry in entries])
    return {entry.key: code.tobytes() for entry, code in zip(entries, codes, strict=True)}


def nearest(hasher, entries, query, k):
    """(distance, key) of the k nearest by one model, and by nothing else."""
    near = (np.unpackbits(hasher.encode([query])[0]) != np.unpackbits(
        hasher.encode([entry.content for entry in entries]), axis=1)).sum(1)  # fmt: skip
    return [(int(near[n]), entries[n].key) for n in np.argsort(near, kind="stable")[:k]]


def answers(engine, query, k=9):
    return [(hit.distance, hit.key) for hit in engine.query([query], k=k, rerank=False)[0]]


def test_a_model_is_trained_beside_while_the_other_answers(docs, entries, hasher, other):
    with Engine.open(docs) as engine, Engine.open(docs) as reader:
        seen = []
        before = reader.query(["rocket moon"])
        made = engine.reencode(OTHER, progress=lambda *at: seen.append((at, reader.query(["rocket moon"]) == before)))
        assert (made.digest, made.bits, made.encoded, made.entries, made.in_use) == (other.digest, 16, 120, 120, False)
        assert all(same for _, same in seen)
        assert seen[-1][0] == ("encode", 120, 120)
        assert answers(engine, "rocket moon") == nearest(hasher, entries, "rocket moon", 9)
        assert codes_in(docs, 2) == brute(other, entries)
        beside = engine.beside()
        assert (beside.hasher.digest, beside.check().problems) == (other.digest, [])
        assert answers(beside, "rocket moon") == nearest(other, entries, "rocket moon", 9)
        with Engine.open(docs, model=other.digest[:8]) as again:
            assert answers(again, "rocket moon") == nearest(other, entries, "rocket moon", 9)
            assert [hit.key for hit in again.similar("space/0", k=3, rerank=False)] == [
                key for _, key in nearest(other, entries, entries[0].content, 20) if key != "space/0"
            ][:3]


def test_promote_goes_there_and_back_and_drop_removes(docs, entries, hasher, other):
    with Engine.open(docs) as engine, Engine.open(docs) as reader:
        engine.reencode(other)
        with Engine.open(docs, model="beside") as view:
            engine.promote()
            for late in (reader, view):
                with pytest.raises(Mismatch) as caught:
                    late.query(["rocket moon"])
                assert str(caught.value) == f"{docs}: was given another model since it was opened: open it again"
        assert answers(engine, "rocket moon") == nearest(other, entries, "rocket moon", 9)
        engine.add([Entry("late", "rocket moon bread")])
        assert [(one.digest, one.encoded, one.in_use) for one in engine.models()] == [
            (other.digest, 121, True), (hasher.digest, 121, False),
        ]  # fmt: skip
        engine.promote()
        everything = [*entries, Entry("late", "rocket moon bread")]
        assert answers(engine, "moon bread") == nearest(hasher, everything, "moon bread", 9)
        engine.drop()
        assert [one.digest for one in engine.models()] == [hasher.digest]
        assert codes_in(docs, 2) == {}
        for act in (engine.promote, engine.drop, engine.beside):
            with pytest.raises(NotFound) as gone:
                act()
            assert str(gone.value) == f"{docs}: no model stands beside the one in use: make one by `hashret reencode`"


def test_in_memory_too(hasher, other, entries):
    with Engine.create(":memory:", hasher) as engine:
        engine.add(entries[:60])
        engine.reencode(other)
        view = engine.beside()
        assert answers(view, "rocket moon") == nearest(other, entries[:60], "rocket moon", 9)
        engine.add(entries[60:])
        assert answers(view, "rocket moon") == nearest(other, entries, "rocket moon", 9)
        engine.promote()
        assert answers(engine, "rocket moon") == nearest(other, entries, "rocket moon", 9)
        with pytest.raises(Mismatch):
            view.query(["moon"])
        assert engine.check().ok


CHANGES = [
    lambda engine: engine.add([Entry("new/0", "moon bread"), Entry("space/0", "changed soup")]),
    lambda engine: engine.remove(["food/1", "sport/118"]),
    lambda engine: engine.add([Entry("food/1", "bread again"), Entry("money/119", "changed bank")]),
    lambda engine: engine.remove(["new/0"]),
]


@pytest.mark.parametrize("both", [True, False])
def test_what_changes_between_steps_has_its_code_at_promotion(docs, entries, other, monkeypatch, both):
    """Written by another engine after each transaction; one that encodes by both, or by the model in use alone."""
    monkeypatch.setattr("hashret.generations.BATCH", 25)
    if not both:
        monkeypatch.setattr("hashret.generations.Beside.encode", lambda *at: None)
    left = list(CHANGES)
    with Engine.open(docs) as engine, Engine.open(docs) as writer:
        engine.reencode(other, progress=lambda *at: left and left.pop(0)(writer))
        assert left == []
        writer.add([Entry("last", "goal bread")])
        assert engine.models()[1].complete == both
        engine.promote()
        present = {entry.key: entry for entry in entries if entry.key != "sport/118"}
        present |= {"space/0": Entry("space/0", "changed soup"), "food/1": Entry("food/1", "bread again")}
        present |= {"money/119": Entry("money/119", "changed bank"), "last": Entry("last", "goal bread")}
        assert codes_in(docs, 2) == brute(other, list(present.values()))
        assert engine.check().ok
        ordered = sorted(present.values(), key=lambda entry: int(engine.index.ids([entry.key])[0]))
        assert answers(engine, "moon bread") == nearest(other, ordered, "moon bread", 9)


def test_an_entry_changed_while_it_is_encoded_gets_the_code_of_what_it_is(docs, other, monkeypatch):
    with Engine.open(docs) as engine, Engine.open(docs) as writer:
        monkeypatch.setattr("hashret.generations.Beside.encode", lambda *at: None)
        encode, late = Hasher.encode, iter([lambda: writer.add([Entry("space/0", "changed soup")])])

        def slow(self, contents):
            codes = encode(self, contents)
            for change in late:
                monkeypatch.setattr(Hasher, "encode", encode)
                change()
            return codes

        monkeypatch.setattr(Hasher, "encode", slow)
        engine.reencode(other)
        engine.promote()
        assert codes_in(docs, 2)["space/0"] == other.encode(["changed soup"])[0].tobytes()


KILLED = (
    "import os, signal, sys, hashret.generations as generations; from hashret.cli import main\n"
    "from indexer.succession import Succession\n"
    "generations.BATCH = 25; put = Succession.put; batches = iter(range(9))\n"
    "kill = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
    "Succession.put = lambda *at: next(batches) == 2 and kill() or put(*at)\n"
    "main()"
)


def test_a_killed_reencode_leaves_both_usable_and_goes_on(docs, entries, hasher, other, tmp_path):
    other.save(tmp_path / "other.model")
    words = ("reencode", docs, "--model", str(tmp_path / "other.model"))
    child = subprocess.run([sys.executable, "-c", KILLED, *words])
    assert child.returncode == -signal.SIGKILL
    assert set(codes_in(docs, 2)) == {entry.key for entry in entries[:50]}
    with Engine.open(docs) as engine:
        assert answers(engine, "rocket moon") == nearest(hasher, entries, "rocket moon", 9)
        assert engine.check().ok
    _, err = run("query", docs, "moon", "--model", "beside", code=2)
    assert err == (
        f"Error: {docs}: model {other.digest[:12]} has codes of 50 of 120 entries: "
        "`hashret reencode` makes the others\n"
    )
    seen = []
    with Engine.open(docs) as engine:
        put = engine.index.store.succession.put
        engine.reencode(progress=lambda *at: seen.append(at))
        assert seen == [("encode", 120, 120)]
        assert put(2, [1], [None], other.encode(["moon"]))
    assert codes_in(docs, 2) == brute(other, entries)
    assert run(*words)[1] == (
        f"model {other.digest[:12]} of 16 bits stands beside: 120 of 120 encoded; "
        "next: --compare, --promote or --drop it\n"
    )


def test_a_stopped_training_goes_on_from_its_checkpoint(docs, other, monkeypatch, tmp_path):
    monkeypatch.setattr("hashret.model.checkpoint.SECONDS", 0)

    def stop(phase, done, total, note=""):
        if (phase, done) == ("stage 2", 9):
            raise KeyboardInterrupt

    with Engine.open(docs) as engine:
        with pytest.raises(KeyboardInterrupt):
            engine.reencode(OTHER, progress=stop)
        assert (tmp_path / "docs.db.training").exists()
        assert len(engine.models()) == 1
        seen = []
        made = engine.reencode(OTHER, progress=lambda *at: seen.append(at[:2]))
    assert seen[0] == ("stage 2", 10)
    assert made.digest == other.digest
    assert not (tmp_path / "docs.db.training").exists()


WRITER = """
import sys
from hashret.engine import Engine
from hashret.inputs import Entry
with Engine.open(sys.argv[1]) as engine:
    print("open", flush=True)
    for n in range(60):
        engine.add([Entry(f"w/{n}", f"moon bread {n}"), Entry("space/0", f"goal soup {n}")])
        assert engine.query([f"moon bread"], k=1)[0]
        if n % 3 == 2:
            engine.remove([f"w/{n}"])
"""


def test_two_processes_write_and_encode_at_once(docs, entries, other, monkeypatch):
    monkeypatch.setattr("hashret.generations.BATCH", 5)
    with subprocess.Popen([sys.executable, "-c", WRITER, docs], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "open\n"
        with Engine.open(docs) as engine:
            engine.reencode(other)
            assert child.wait() == 0
            engine.promote()
            assert engine.check().ok
    present = {entry.key: entry for entry in entries} | {"space/0": Entry("space/0", "goal soup 59")}
    present |= {f"w/{n}": Entry(f"w/{n}", f"moon bread {n}") for n in range(60) if n % 3 != 2}
    assert codes_in(docs, 2) == brute(other, list(present.values()))


def test_threads_get_answers_of_one_model_whole(docs, entries, hasher, monkeypatch):
    """Of one length of codes, so that nothing but care keeps them apart."""
    other = Hasher.fit([entry.content for entry in entries], replace(OTHER, bits=32))
    right = [nearest(each, entries, "rocket moon bread", 9) for each in (hasher, other)]
    assert right[0] != right[1]
    found, stop = [], []
    with Engine.open(docs) as engine:
        engine.reencode(other)

        def ask():
            while not stop:
                try:
                    found.append(answers(engine, "rocket moon bread"))
                except Mismatch as error:
                    found.append(error)

        threads = [Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(30):
            engine.promote()
            enough = len(found) + 3  # two may have been under way
            while len(found) < enough and all(thread.is_alive() for thread in threads):
                sleep(0.001)
        stop.append(True)
        for thread in threads:
            thread.join()
    assert right[0] in found
    assert right[1] in found
    assert [one for one in found if one not in right] == []


def test_what_stands_beside_is_gone_on_with_and_not_replaced(docs, hasher, other, entries):
    with Engine.open(docs) as engine:
        engine.reencode(OTHER)
        assert engine.reencode() == engine.reencode(OTHER) == engine.reencode(other)
        for asked in (replace(OTHER, bits=8), hasher):
            with pytest.raises(Mismatch) as caught:
                engine.reencode(asked)
            assert str(caught.value) == (
                f"{docs}: model {other.digest[:12]} stands beside already, which is not the one asked for: "
                "promote or drop it first"
            )


def test_the_same_training_gives_the_model_in_use(docs, hasher):
    with Engine.open(docs) as engine:
        with pytest.raises(InvalidInput) as caught:
            engine.reencode()
        assert str(caught.value) == (
            f"{docs}: model {hasher.digest[:12]} is in use already: the same settings, seed and entries "
            "give the same model"
        )


def test_settings_are_those_in_use_where_none_are_given(hasher):
    again = generations.settings_beside(hasher, {})
    assert again.resolved("text") == hasher.settings
    assert generations.settings_beside(hasher, {"bits": 64}).resolved("text") == replace(hasher.settings, bits=64)
    kind = generations.settings_beside(hasher, {"kind": "denoising"})
    assert kind == replace(FAST, kind="denoising")
    assert kind.resolved("text").objective == "reconstruction"


def test_models_are_named_by_how_their_digest_begins(docs, hasher, other):
    with Engine.open(docs) as engine:
        engine.reencode(other)
    for name, digest in ((hasher.digest, hasher.digest), (hasher.digest[:6], hasher.digest), ("beside", other.digest)):
        with Engine.open(docs, model=name) as engine:
            assert engine.hasher.digest == digest
    for name in ("nobody", ""):
        with pytest.raises(NotFound) as caught:
            Engine.open(docs, model=name)
        assert str(caught.value) == (
            f"{docs}: no one model is named {name!r}: it has {hasher.digest[:12]} (in use) "
            f"and {other.digest[:12]} (beside)"
        )


def test_a_damaged_model_does_not_take_over(docs, hasher, other):
    with Engine.open(docs) as engine:
        engine.reencode(other)
        with closing(sqlite3.connect(docs)) as connection, connection:
            connection.execute("UPDATE models SET weights = x'00' WHERE id = 2")
        with pytest.raises(Corrupt) as caught:
            engine.promote()
        assert str(caught.value) == f"{docs}: model {other.digest[:12]} is damaged: restore the file from a copy"
        assert engine.models()[0].digest == hasher.digest
        assert engine.query(["moon"], k=1)[0]


def test_a_model_for_other_contents_is_refused(docs, vector_hasher, vectors):
    with Engine.open(docs) as engine:
        with pytest.raises(InvalidInput) as caught:
            engine.reencode(vector_hasher)
        assert str(caught.value) == "the new model encodes vector, the entries are of kind text"
        with pytest.raises(InvalidInput) as caught:
            engine.reencode(OTHER, make_entries(3))
        assert str(caught.value) == f"{docs}: holds the texts to encode: give no entries, no PATH"
        assert len(engine.models()) == 1
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add([Entry(str(n), row) for n, row in enumerate(vectors)])
        with pytest.raises(InvalidInput) as caught:
            engine.reencode(Hasher.fit(vectors[:, :8].copy(), OTHER))
        assert str(caught.value) == (
            "the new model reads embeddings of 8 dimensions, those of :memory: have 12: index others into a new file"
        )


def test_a_model_dropped_while_entries_are_encoded_says_so(docs, other, monkeypatch):
    monkeypatch.setattr("hashret.generations.BATCH", 50)
    with Engine.open(docs) as engine, Engine.open(docs) as writer:
        with pytest.raises(Mismatch) as caught:
            engine.reencode(other, progress=lambda *at: writer.drop())
        assert str(caught.value) == f"{docs}: the model beside was dropped while entries were encoded"
        assert len(engine.models()) == 1
        assert engine.add([Entry("new", "moon")]).added == 1


def test_an_engine_by_the_model_beside_is_not_written_by(docs, other):
    with Engine.open(docs) as engine:
        engine.reencode(other)
        for write in (lambda: engine.beside().add([Entry("new", "moon")]), lambda: engine.beside().promote()):
            with pytest.raises(Mismatch) as caught:
                write()
            assert str(caught.value) == f"{docs}: is open by a model that is not in use: open it without one to write"


def test_info_tells_of_both(docs, hasher, other):
    with Engine.open(docs) as engine:
        engine.reencode(other)
        models = [{**one, "created": one["created"][:2]} for one in engine.info()["models"]]
    assert models == [
        {"digest": hasher.digest, "bits": 32, "created": "20", "encoded": 120, "share": 1.0, "in_use": True},
        {"digest": other.digest, "bits": 16, "created": "20", "encoded": 120, "share": 1.0, "in_use": False},
    ]
