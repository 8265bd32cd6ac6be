"""The answers of the API are those of `Engine`, and each is what the OpenAPI document says."""

import shlex
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image

from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.web.openapi import MOST_BODY, document
from tests.hashret.conftest import FAST
from tests.hashret.web.conftest import asking

PATHS = document()["paths"]
README = Path(__file__).resolve().parents[3] / "README.md"


def checked(response, path, method="get", status=200):
    """The JSON of a response, which must have the form that the document gives it."""
    assert response.status_code == status, response.text
    content = PATHS[path][method]["responses"][str(status)]["content"]
    schema = {**content["application/json"]["schema"], "components": document()["components"]}
    Draft202012Validator(schema).validate(response.json())
    return response.json()


def plain(hits):
    """Hits of the API or of `Engine` as tuples."""
    take = (lambda hit, name: hit[name]) if hits and isinstance(hits[0], dict) else getattr
    return [tuple(take(hit, name) for name in ("key", "distance", "score", "content", "meta")) for hit in hits]


def test_the_document_is_one(client):
    whole = client.get("/openapi.json").json()
    assert whole == document()
    assert whole["openapi"] == "3.1.0"
    for name, schema in whole["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert name in str(whole["paths"]) + str(whole["components"])
    operations = [(path, operation) for path, each in whole["paths"].items() for operation in each.values()]
    for path, operation in operations:
        wanted = ["key"] if "{key}" in path else []
        assert [one["name"] for one in operation["parameters"] if one["in"] == "path"] == wanted
        assert {"200", "400", "401"} <= set(operation["responses"])


def test_search_answers_as_the_engine_does(client, stored):
    asked = {"k": 5, "radius": 6, "where": "topic=space", "rerank": "false"}
    with Engine.open(stored) as engine:
        every = [{}, {"k": 3}, {"rerank": "false"}, {"where": ["topic=space"]}, asked]
        for more in every:
            found = checked(client.get("/api/search", params={"q": "moon rocket", **more}), "/api/search")
            where = {"topic": "space"} if "where" in more else None
            rerank = more.get("rerank") != "false"
            hits = engine.query(["moon rocket"], more.get("k", 10), more.get("radius"), where, rerank)[0]
            assert plain(found["hits"]) == plain(hits[: more.get("k", 10)])
            assert found["count"] == len(hits)
            codes = engine.index.codes(engine.index.ids([hit["key"] for hit in found["hits"]]))
            assert [hit["code"] for hit in found["hits"]] == [code.tobytes().hex() for code in codes]
            assert found["code"] == engine.hasher.encode(["moon rocket"])[0].tobytes().hex()


def test_counts_are_those_of_brute_force(client, stored):
    with Engine.open(stored) as engine:
        ids, codes = engine.index.entries()
        query = np.unpackbits(engine.hasher.encode(["bread and butter"])[0])
        away = (np.unpackbits(codes, axis=1) != query).sum(1)
        space = np.isin(ids, engine.index.store.where({"topic": "space"}))
    for more, among in (({}, space | True), ({"where": "topic=space"}, space)):
        params = {"q": "bread and butter", "counts": "true", **more}
        found = checked(client.get("/api/search", params=params), "/api/search")
        assert found["counts"] == [int((away[among] <= radius).sum()) for radius in range(17)]
        params |= {"radius": 9, "k": 2}
        assert checked(client.get("/api/search", params=params), "/api/search")["count"] == (away[among] <= 9).sum()


def test_a_radius_that_holds_more_than_the_shortlist_gives_the_best_of_it(tmp_path, hasher, entries):
    """All copies of one text: the k best of a ball of 900 are the k nearest of all."""
    path = str(tmp_path / "many.db")
    with Engine.create(path, hasher) as engine:
        engine.add([Entry(f"{n}", entries[n % 3].content) for n in range(900)])
        text = entries[0].content
        with asking(path) as client:
            for rerank in ("true", "false"):
                params = {"q": text, "radius": 200, "k": 4, "rerank": rerank}
                found = client.get("/api/search", params=params).json()
                assert found["count"] == 900
                assert plain(found["hits"]) == plain(engine.query([text], 4, rerank=rerank == "true")[0])
                similar = client.get("/api/similar/0", params={"radius": 32, "k": 4, "rerank": rerank}).json()
                assert similar["count"] == 899
                assert plain(similar["hits"]) == plain(engine.similar("0", 4, rerank=rerank == "true"))


QUERIES = ["bread rocket", "team market", "oven goal moon", "price of bread"]


@pytest.mark.parametrize("fewest", [1, 300])
def test_the_best_within_a_radius_are_the_best_of_all_in_it(client, stored, monkeypatch, fewest):
    """Whether the best of all are looked at first or not, and lie within it or not."""
    monkeypatch.setattr("hashret.web.answers.shortlist", lambda k: fewest)
    with Engine.open(stored) as engine:
        for text in QUERIES:
            for radius in (0, 2, 5, 8, 32):
                right = engine.query([text], radius=radius)[0][:3]
                params = {"q": text, "radius": radius, "k": 3}
                assert plain(client.get("/api/search", params=params).json()["hits"]) == plain(right)
        assert any(hit.distance > 8 for text in QUERIES for hit in engine.query([text], k=3)[0])


def test_similar_leaves_the_entry_out(client, stored):
    with Engine.open(stored) as engine:
        for more in ({}, {"radius": 5, "k": 1000}, {"where": ["topic=money"], "k": 4}):
            found = checked(client.get("/api/similar/space/0", params={"counts": "true", **more}), "/api/similar/{key}")
            where = {"topic": "money"} if "where" in more else None
            assert plain(found["hits"]) == plain(
                engine.similar("space/0", more.get("k", 10), more.get("radius"), where)
            )
        within = engine.similar("space/0", radius=5)
        answer = client.get("/api/similar/space/0", params={"counts": "true", "radius": 5}).json()
        assert answer["counts"][5] == answer["count"] == len(within)


def test_many_texts_at_once(client, stored):
    body = {"texts": ["moon rocket", "stock price", "zzz"]}
    found = checked(client.post("/api/search?k=2", json=body), "/api/search", "post")["results"]
    with Engine.open(stored) as engine:
        assert [plain(one["hits"]) for one in found] == [plain(hits) for hits in engine.query(body["texts"], 2)]
    assert [one["words"] for one in found] == [2, 2, 0]


def test_embeddings(embedded, vectors):
    with asking(embedded) as client, Engine.open(embedded) as engine:
        found = checked(client.post("/api/search?k=3", json={"vectors": vectors[:2].tolist()}), "/api/search", "post")
        assert [plain(one["hits"]) for one in found["results"]] == [
            plain(hits) for hits in engine.query(vectors[:2], 3)
        ]
        entry = checked(client.get("/api/entries/v/7"), "/api/entries/{key}")
        assert (entry["content"], entry["meta"]) == (None, {"turn": 3})
        wrong = checked(client.get("/api/search?q=moon"), "/api/search", status=400)
        assert wrong == {"error": "contents are of kind text, the model was trained on vector"}
        missing = client.get("/api/pictures/v/7")
        assert missing.json() == {"error": "v/7: has no picture: the file holds entries of kind vector"}
        assert checked(client.get("/api/info"), "/api/info")["pictures"] is None


def test_an_image(photos):
    out = BytesIO()
    Image.open(photos / "in" / "red" / "4.png").save(out, "PNG")
    with asking(str(photos / "photos.db"), photos / "in") as client:
        sent = client.post("/api/search?k=1", content=out.getvalue(), headers={"Content-Type": "image/png"})
        found = checked(sent, "/api/search", "post")["results"][0]
        assert found["hits"][0]["distance"] == 0
        assert found["code"] == client.get("/api/entries/red/4.png").json()["code"]
        broken = client.post("/api/search", content=b"no image", headers={"Content-Type": "image/png"})
        text = "the image: cannot be read as PNG or JPEG, it is broken or cut off: fetch it again"
        assert checked(broken, "/api/search", "post", 400) == {"error": text}


def test_an_entry_its_bucket_and_the_list(client, stored, entries):
    entry = checked(client.get("/api/entries/food/1"), "/api/entries/{key}")
    assert (entry["key"], entry["content"], entry["meta"]) == ("food/1", entries[1].content, {"topic": "food"})
    bucket = checked(client.get("/api/bucket/food/1"), "/api/bucket/{key}")
    with Engine.open(stored) as engine:
        same = engine.index.keys(engine.index.bucket(engine.hasher.encode([entries[1].content])))
    assert (bucket["code"], bucket["count"]) == (entry["code"], len(same))
    assert [one["key"] for one in bucket["entries"]] == same[:10]
    keys, after = [], ""
    while after is not None:
        page = checked(client.get("/api/entries", params={"prefix": "s", "after": after, "k": 7}), "/api/entries")
        keys += [one["key"] for one in page["entries"]]
        after = page["next"]
    assert keys == sorted(entry.key for entry in entries if entry.key.startswith("s"))
    only = client.get("/api/entries?where=topic=food&k=1000").json()["entries"]
    assert [one["key"] for one in only] == sorted(entry.key for entry in entries if entry.meta["topic"] == "food")


def test_snippets_are_cut_and_whole_contents_are_not(tmp_path, hasher):
    path, text = str(tmp_path / "long.db"), "filler " * 100 + "moon rocket " + "filler " * 100
    with Engine.create(path, hasher) as engine:
        engine.add([Entry("long", text)])
    with asking(path) as client:
        found = client.get("/api/search", params={"q": "moon", "length": 30}).json()["hits"][0]["content"]
        assert found == "… filler moon rocket filler …"
        assert client.get("/api/search", params={"q": "moon"}).json()["hits"][0]["content"] == text
        assert client.get("/api/entries", params={"length": 10}).json()["entries"][0]["content"] == "filler …"


def test_unknown_words_are_told(client):
    found = client.get("/api/search", params={"q": "xyzzy plugh"}).json()
    assert (found["words"], len(found["hits"])) == (0, 10)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=12).filter(lambda key: key not in (".", "..")))
def test_any_key_can_be_asked_for(spare, key):
    engine, client = spare
    try:
        key.encode()
    except UnicodeEncodeError:
        return
    engine.add([Entry(key, "moon rocket", {"n": 1})])
    for part in ("entries", "similar", "bucket"):
        path = f"/api/{part}/{{key}}"
        assert checked(client.get(f"/api/{part}/{quote(key, safe='')}"), path)
    assert client.get(f"/api/entries/{quote(key, safe='')}").json()["key"] == key


@pytest.fixture(scope="module")
def spare(tmp_path_factory, hasher):
    path = str(tmp_path_factory.mktemp("spare") / "keys.db")
    with Engine.create(path, hasher) as engine, asking(path) as client:
        yield engine, client


SEND = 'send {"texts": [...]} or {"vectors": [[...]]} with 1 to 100 of them, or a PNG or JPEG image'


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", f"the body is no JSON: {SEND}"),
        (b"[" * 200_000, f"the body is no JSON: {SEND}"),
        (b'"text"', f"the body has other fields: {SEND}"),
        (b'{"texts": ["a"], "vectors": [[1]]}', f"the body has other fields: {SEND}"),
        (b'{"texts": []}', f"texts is no list or of another length: {SEND}"),
        (b'{"texts": "a"}', f"texts is no list or of another length: {SEND}"),
        (b'{"texts": [1]}', f"a text is something else: {SEND}"),
        (b'{"vectors": [["1"]]}', f"a vector is no list of numbers: {SEND}"),
        (b'{"vectors": [[true]]}', f"a vector is no list of numbers: {SEND}"),
        (b'{"vectors": [[1, 2], [3]]}', f"vectors are of different lengths or hold numbers too large: {SEND}"),
        (
            b'{"vectors": [[1' + b"0" * 400 + b"]]}",
            f"vectors are of different lengths or hold numbers too large: {SEND}",
        ),
        (b'{"vectors": [[NaN]]}', "row 0 holds NaN or infinity: remove it or mend it"),
        (b'{"vectors": [[1e300]]}', "row 0 holds NaN or infinity: remove it or mend it"),
        (b'{"vectors": [[1, 2]]}', "embeddings have 2 dimensions, the model was trained on 12"),
    ],
)
def test_a_wrong_body_is_refused(embedded, body, text):
    with asking(embedded) as client:
        assert checked(client.post("/api/search", content=body), "/api/search", "post", 400) == {"error": text}


def test_a_long_body_is_refused(client):
    body = b'{"texts": ["' + b"a" * MOST_BODY + b'"]}'
    wrong = checked(client.post("/api/search", content=body), "/api/search", "post", 413)
    assert wrong == {"error": "the body has more than 16,777,216 bytes: ask for less at once"}


def test_errors_say_what_is_wrong(client, stored):
    assert checked(client.get("/api/entries/no/such"), "/api/entries/{key}", status=404) == {
        "error": f"{stored}: no entry has the key 'no/such'"
    }
    wrong = checked(client.get("/api/search?q=moon&where=topic"), "/api/search", status=400)
    text = "where 'topic': at its end: an operator is missing: write FIELD=VALUE; or != < <= > >= in, not in"
    assert wrong == {"error": text}
    assert client.get("/nothing").json() == {"error": "/nothing: there is nothing here: see /openapi.json"}
    assert client.put("/api/search").status_code == 405
    assert client.put("/api/search").json() == {"error": "Method Not Allowed"}


def test_a_file_that_got_another_model_is_opened_anew(tmp_path, hasher, entries):
    path = str(tmp_path / "docs.db")
    with Engine.create(path, hasher) as engine:
        engine.add(entries)
        with asking(path) as client:
            before = client.get("/api/search?q=moon").json()
            other = Hasher.fit([entry.content for entry in entries], replace(FAST, bits=64))
            engine.reencode(other)
            assert client.get("/api/search?q=moon").json() == before
            engine.promote()
            after = client.get("/api/search?q=moon").json()
            assert (len(before["code"]), len(after["code"])) == (8, 16)
            assert plain(after["hits"]) == plain(engine.query(["moon"])[0])


def test_the_page_and_its_parts(client):
    for name, kind in (
        ("", "text/html"),
        ("page.css", "text/css"),
        ("page.js", "text/javascript"),
        ("words.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ):
        answer = client.get(f"/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
    html = client.get("/").text
    assert "<script>" not in html
    assert "style=" not in html


def test_the_examples_of_the_manual(client):
    lines = [line for line in README.read_text().splitlines() if line.startswith("curl ")]
    assert len(lines) == 7
    for line in lines:
        _, url, *more = shlex.split(line, comments=True)
        options = dict(zip(more[::2], more[1::2], strict=True))
        method = "post" if "-d" in options else "get"
        path = url.removeprefix("http://127.0.0.1:8000")
        answer = client.request(method, path, content=options.get("-d"))
        part = path.partition("?")[0].split("/")[2]
        assert checked(answer, f"/api/{part}/{{key}}" if "%2F" in path else f"/api/{part}", method)
