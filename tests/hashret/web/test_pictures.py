from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hashret.engine import Engine
from hashret.inputs import Entry, Source
from hashret.web.pictures import home, inside, source
from tests.hashret.web.conftest import asking


def shown(response):
    """The pixels of an answer."""
    assert response.headers["content-type"] == "image/png"
    return np.asarray(Image.open(BytesIO(response.content)))


def test_a_picture_is_that_of_the_file(photos):
    with asking(str(photos / "photos.db"), photos / "in") as client:
        assert client.get("/api/info").json()["pictures"] == "files"
        drawn = shown(client.get("/api/pictures/green/3.png?size=30"))
        assert np.array_equal(drawn, np.asarray(Image.open(photos / "in" / "green" / "3.png")))
        assert shown(client.get("/api/pictures/green/3.png?size=16")).shape == (11, 16, 3)
        assert shown(client.get("/api/pictures/green/3.png?size=90")).shape == (60, 90, 3)


def test_only_stored_keys_have_pictures(photos):
    with asking(str(photos / "photos.db"), photos / "in") as client:
        for key in ("..%2Fsecret.png", "../secret.png", "red/../../secret.png", str(photos / "secret.png"), "red"):
            assert client.get(f"/api/pictures/{key}").status_code == 404


def test_a_stored_key_leads_to_no_file_outside(photos, tmp_path):
    """A file made by somebody else may hold any key."""
    (photos / "in" / "link.png").symlink_to(photos / "secret.png")
    evil = ["../secret.png", str(photos / "secret.png"), "red/../../secret.png", "link.png", "a\0b", "x" * 5000]
    with Engine.open(str(photos / "photos.db")) as engine:
        hasher = engine.hasher
    path = str(tmp_path / "evil.db")
    with Engine.create(path, hasher) as engine:
        engine.add([Entry(key, np.full((8, 8, 3), 200, np.uint8)) for key in evil])
    secret = np.zeros((4, 4, 3), np.uint8)
    with asking(path, photos / "in") as client:
        for key in evil:
            from urllib.parse import quote

            drawn = shown(client.get(f"/api/pictures/{quote(key, safe='')}?size=16"))
            assert drawn.shape == (16, 16, 3), key  # as the model gives its code back: eight pixels a side, doubled
            assert drawn.shape != secret.shape
            assert drawn.any()
    (photos / "in" / "link.png").unlink()


@given(st.lists(st.sampled_from(["..", ".", "red", "0.png", "", "/", "secret.png", "\0"]), max_size=6).map("/".join))
def test_nothing_outside_the_folder_is_ever_found(photos, key):
    found = inside(photos / "in", key)
    assert found is None or found.is_relative_to((photos / "in").resolve())


def test_without_files_it_is_the_stored_vector_or_what_the_code_gives(photos, tmp_path):
    picture = np.asarray(Image.open(photos / "in" / "red" / "0.png"))
    with Engine.open(str(photos / "photos.db")) as engine:
        hasher = engine.hasher
    for vectors, name in (("float16", "vectors"), ("int8", "vectors"), (False, "codes")):
        path = str(tmp_path / f"{vectors}.db")
        with Engine.create(path, hasher, vectors=vectors) as engine:
            engine.add([Entry("one", picture)])
            pixels = hasher.rows([picture]) if vectors else hasher.reconstruct(hasher.encode([picture]))
            assert source(engine, None) == name
        with asking(path) as client:
            assert client.get("/api/info").json()["pictures"] == name
            drawn = shown(client.get("/api/pictures/one?size=16"))[::2, ::2]
            assert np.abs(drawn - hasher.features.picture(pixels[0]).astype(int)).max() <= 1


def test_a_file_that_is_gone_or_no_image_gives_way_to_the_code(photos, tmp_path):
    (tmp_path / "red").mkdir()
    (tmp_path / "red" / "0.png").write_text("no image")
    with asking(str(photos / "photos.db"), tmp_path) as client:
        for key in ("red/0.png", "red/2.png"):
            assert shown(client.get(f"/api/pictures/{key}?size=16")).shape == (16, 16, 3)


def test_of_two_folders_none_shows_the_picture_of_the_other(photos, tmp_path):
    """Both have a 1.png, and the key is that of the second, whose folder is not shown: its code tells what it was."""
    for folder, shade, names in (("a", 10, "12"), ("b", 250, "19")):
        (tmp_path / folder).mkdir()
        for name in names:
            Image.fromarray(np.full((4, 4, 3), shade, np.uint8)).save(tmp_path / folder / f"{name}.png")
    with Engine.open(str(photos / "photos.db")) as engine:
        hasher = engine.hasher
    path = str(tmp_path / "both.db")
    with Engine.create(path, hasher) as engine:
        engine.add(Source((tmp_path / "a",)))
        engine.add(Source((tmp_path / "b",)))  # the same key again is an update: 1.png is b's now
    with asking(path, tmp_path / "a") as client:
        assert not (shown(client.get("/api/pictures/1.png?size=16")) == 10).all()
        assert (shown(client.get("/api/pictures/2.png?size=16")) == 10).all()
        (tmp_path / "b").rename(tmp_path / "c")  # who can tell now
        assert (shown(client.get("/api/pictures/1.png?size=16")) == 10).all()


def test_the_folder_is_known_from_the_entries(photos, stored):
    with Engine.open(str(photos / "photos.db")) as engine:
        assert home(engine).resolve() == (photos / "in").resolve()
    with Engine.open(stored) as engine:
        assert home(engine) is None


@pytest.mark.parametrize("key", ["green/1.png", "red/0.png"])
def test_a_picture_may_be_kept_a_minute(photos, key):
    with asking(str(photos / "photos.db"), photos / "in") as client:
        assert client.get(f"/api/pictures/{key}").headers["cache-control"] == "private, max-age=60"
