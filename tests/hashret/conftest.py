import json
import random

import numpy as np
import pytest

from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.settings import Settings
from tests.browser import Browser, chromium

TOPICS = {
    "space": "orbit rocket moon launch satellite shuttle telescope mars",
    "food": "bread butter oven recipe flour salt soup dinner",
    "sport": "goal team match player league coach stadium referee",
    "money": "bank rate market stock bond price trade inflation",
}
FAST = Settings(bits=32, steps=80, batch=32, neighbours=10, min_count=1)


def make_texts(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Topic and text, by turns."""
    rng = random.Random(seed)
    names = list(TOPICS)
    return [(names[n % 4], " ".join(rng.choices(TOPICS[names[n % 4]].split(), k=6))) for n in range(count)]


def make_entries(count: int, seed: int = 0) -> list[Entry]:
    return [Entry(f"{topic}/{n}", text, {"topic": topic}) for n, (topic, text) in enumerate(make_texts(count, seed))]


@pytest.fixture(scope="session")
def entries() -> list[Entry]:
    return make_entries(120)


@pytest.fixture(scope="session")
def hasher(entries) -> Hasher:
    return Hasher.fit([entry.content for entry in entries], FAST)


@pytest.fixture(scope="session")
def vectors() -> np.ndarray:
    centres = np.random.default_rng(0).normal(size=(4, 12))
    noise = np.random.default_rng(1).normal(size=(80, 12)) * 0.3
    return (centres[np.arange(80) % 4] + noise).astype(np.float32)


@pytest.fixture(scope="session")
def vector_hasher(vectors) -> Hasher:
    return Hasher.fit(vectors, FAST)


@pytest.fixture
def engine(hasher, entries):
    with Engine.create(":memory:", hasher) as made:
        made.add(entries)
        yield made


@pytest.fixture
def docs(tmp_path, hasher, entries) -> str:
    """A file of this test alone."""
    path = str(tmp_path / "docs.db")
    with Engine.create(path, hasher) as made:
        made.add(entries)
    return path


@pytest.fixture(scope="session")
def stored(tmp_path_factory, hasher, entries) -> str:
    """A file that tests read and do not change."""
    path = str(tmp_path_factory.mktemp("stored") / "docs.db")
    with Engine.create(path, hasher) as made:
        made.add(entries)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Headless Chromium, where one is installed."""
    if chromium() is None:
        pytest.skip("Chromium is not installed: `make browser`")
    with Browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "docs.jsonl"
    rows = [{"id": f"{topic}/{n}", "text": text, "topic": topic} for n, (topic, text) in enumerate(make_texts(120))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
