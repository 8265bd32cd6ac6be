"""A server in a process of its own, on this machine alone."""

import json
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from hashret.engine import Engine
from hashret.web.server import Address, loopback
from indexer.errors import InvalidInput
from tests.hashret.conftest import make_entries, make_texts
from tests.hashret.terminal import run
from tests.hashret.web.conftest import serving

READERS = 8


def get(url, **headers):
    with urlopen(Request(url, headers=headers), timeout=30) as answer:
        return json.load(answer)


def test_eight_readers_get_the_engines_answers_and_ctrl_c_leaves_the_file_as_it_was(docs):
    before = Path(docs).read_bytes()
    texts = [text for _, text in make_texts(25, seed=3)]
    with Engine.open(docs) as engine:
        wanted = [[(hit.key, hit.distance, hit.score) for hit in hits] for hits in engine.query(texts, 5)]
    with serving(docs) as url:
        together = Barrier(READERS)

        def reader(number):
            together.wait()
            order = [(number * 3 + n) % len(texts) for n in range(len(texts))]
            return {n: get(f"{url}api/search?k=5&q={quote(texts[n])}")["hits"] for n in order}

        with ThreadPoolExecutor(READERS) as pool:
            answers = list(pool.map(reader, range(READERS)))
    for found in answers:
        got = [[(hit["key"], hit["distance"], hit["score"]) for hit in found[n]] for n in range(len(texts))]
        assert got == wanted
    assert Path(docs).read_bytes() == before
    assert not [*Path(docs).parent.glob("docs.db-*")]  # no log is left to be merged


@pytest.mark.slow
def test_what_another_process_writes_is_seen_by_readers(docs, tmp_path):
    lines = tmp_path / "more.jsonl"
    more = make_entries(60, seed=9)
    lines.write_text("".join(json.dumps({"id": f"new/{e.key}", "text": e.content}) + "\n" for e in more))
    with serving(docs) as url, ThreadPoolExecutor(READERS) as pool:
        adding = subprocess.Popen([sys.executable, "-m", "hashret", "add", docs, lines], stderr=subprocess.DEVNULL)

        def reader(number):
            seen = []
            while True:
                over = adding.poll() is not None  # asked before, so that the last question comes after all is written
                found = get(f"{url}api/search?k=1000&rerank=false&q={quote(more[number].content)}")
                seen.append(len(found["hits"]))
                if over:
                    return seen, [hit["key"] for hit in found["hits"] if hit["distance"] == 0]

        answers = list(pool.map(reader, range(READERS)))
        assert adding.wait() == 0
        assert get(f"{url}api/info")["entries"] == 180
    for number, (seen, same) in enumerate(answers):
        assert seen == sorted(seen)
        assert set(seen) <= {120, 180}
        assert seen[-1] == 180
        assert f"new/{more[number].key}" in same


def test_the_token_of_a_server_for_others(docs):
    with serving(docs, "--host", "0.0.0.0") as url:
        token = re.search(r"\?token=([\w-]{32})$", url)[1]
        here = "http://127.0.0.1" + re.search(r":\d+/", url)[0]
        for more in ({}, {"Authorization": "Bearer " + "x" * 32}):
            with pytest.raises(HTTPError) as caught:
                get(f"{here}api/info", **more)
            assert caught.value.code == 401
            caught.value.close()
        assert get(f"{here}api/info", Authorization=f"Bearer {token}")["file"] == "docs.db"


def test_this_machine_is_known_by_its_addresses():
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert loopback(host), host
        assert Address.of(host, 80, None).token is None
    for host in ("0.0.0.0", "::", "192.0.2.1", "docs.example", ""):
        assert not loopback(host), host
        assert len(Address.of(host, 80, None).token) == 32
    assert Address.of("0.0.0.0", 80, "mine").token == "mine"
    assert Address.of("::1", 80, "a+b=").url(81) == "http://[::1]:81/?token=a%2Bb%3D"
    with pytest.raises(InvalidInput) as caught:
        Address.of("127.0.0.1", 80, "two words")
    assert str(caught.value) == "the token has other characters than A-Z a-z 0-9 . _ ~ + / = -: give another"


def test_a_port_in_use_is_said(docs):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = f"Error: 127.0.0.1:{port}: Address already in use: choose another --host or --port\n"
        assert run("serve", docs, "--port", port, code=2)[1] == text


def test_what_cannot_be_served_is_said(docs, tmp_path):
    missing = tmp_path / "no.db"
    text = f"Error: {missing}: no such file: create it first, as by `hashret index`\n"
    assert run("serve", missing, code=2)[1] == text
    text = f"Error: {missing}: no such folder: give the one that the images were indexed from\n"
    assert run("serve", docs, "--images", missing, code=2)[1] == text


@pytest.mark.parametrize("name", ["starlette", "uvicorn"])
def test_without_the_extra_the_error_names_it(docs, monkeypatch, name):
    for module in [module for module in sys.modules if module.startswith("hashret.web.") and module[12:] != "server"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, f"{name}.applications", None)
    said = run("serve", docs, code=2)[1]
    assert re.fullmatch(rf"Error: the page needs {name}\S*: pip install 'hashret\[server\]'\n", said)
