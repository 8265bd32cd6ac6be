import sys
from contextlib import contextmanager
from re import search
from subprocess import PIPE, Popen

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry, Source
from hashret.settings import Settings
from hashret.web.answers import Answers
from hashret.web.app import make_app

IMAGES = Settings(bits=32, steps=20, batch=16, neighbours=5, image_size=8, convolution=4)


@contextmanager
def asking(path, folder=None, **more):
    """A client of a file's API, without a network."""
    answers = Answers(path)
    with TestClient(make_app(answers, folder), base_url="http://localhost", **more) as client:
        yield client
    answers.close()


@pytest.fixture(scope="session")
def client(stored):
    with asking(stored) as made:
        yield made


@pytest.fixture(scope="session")
def embedded(tmp_path_factory, vector_hasher, vectors) -> str:
    """A file of 80 embeddings."""
    path = str(tmp_path_factory.mktemp("embedded") / "vectors.db")
    with Engine.create(path, vector_hasher) as made:
        made.add([Entry(f"v/{n}", row, {"turn": n % 4}) for n, row in enumerate(vectors)])
    return path


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of 24 pictures in two colours, with one outside, and a file that is indexed from it."""
    home = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(24):
        pixels = rng.integers(0, 90, (20, 30, 3), np.uint8)
        pixels[..., number % 2] += 160
        path = home / "in" / ("red", "green")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(home / "secret.png")
    source = Source((home / "in",))
    hasher = Hasher.fit([entry.content for entry in source], IMAGES)
    with Engine.create(str(home / "photos.db"), hasher) as engine:
        engine.add(source)
    return home


@contextmanager
def serving(path, *options, code=0):
    """The address of a server in a process of its own, which Ctrl-C stops with this exit code."""
    command = [sys.executable, "-m", "hashret", "serve", str(path), "--port", "0", *map(str, options)]
    with Popen(command, stderr=PIPE, text=True) as process:
        try:
            said = [process.stderr.readline(), process.stderr.readline()]
            assert "Stop with Ctrl-C" in said[1], said
            yield search(r"http\S+", said[0])[0]
        finally:
            process.send_signal(2)
            assert process.wait(20) == code
            assert process.stderr.read() == ""
