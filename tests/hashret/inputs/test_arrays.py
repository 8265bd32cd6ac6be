"""Images and matrices: pixels, rows, ids, columns, and every message about a broken one."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashret.inputs import Entry, ReadOptions, Source
from indexer.errors import NotFound
from tests.hashret.inputs.reading import message, read

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=2)


def picture(pixels, path, **more):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **more)


# images


def test_a_folder_of_images_gives_pixels_and_the_sub_folder_as_label():
    picture(GREY, "shop/coat/1.png")
    picture(COLOUR, "shop/bag/big/2.PNG")
    picture(GREY, "shop/3.png")
    assert read("shop") == [
        Entry("3.png", GREY, {"path": "shop/3.png", "folder": ""}),
        Entry("bag/big/2.PNG", COLOUR, {"path": "shop/bag/big/2.PNG", "folder": "bag/big"}),
        Entry("coat/1.png", GREY, {"path": "shop/coat/1.png", "folder": "coat"}),
    ]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_jpegs_are_read(suffix):
    picture(np.full((16, 8, 3), 90, np.uint8), f"a{suffix}", quality=95)
    (entry,) = read(f"a{suffix}")
    assert (entry.content.shape, entry.content.dtype) == ((16, 8, 3), np.uint8)
    assert np.abs(entry.content.astype(int) - 90).max() <= 3


def test_an_image_is_turned_as_the_camera_says():
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    picture(GREY, "a.png", exif=exif)
    assert np.array_equal(read("a.png")[0].content, np.rot90(GREY, -1))


def test_transparency_is_laid_on_white():
    alpha = np.where(GREY > 100, 255, 0).astype(np.uint8)
    picture(np.dstack([COLOUR, alpha]), "a.png")
    picture(np.dstack([GREY, alpha]), "b.png")
    colour, grey = (entry.content for entry in read("a.png", "b.png"))
    assert np.array_equal(colour, np.where(alpha[..., None] > 0, COLOUR, 255))
    assert np.array_equal(grey, np.where(alpha > 0, GREY, 255))


def test_palettes_black_and_white_and_sixteen_bits_become_bytes():
    Image.fromarray(COLOUR).quantize(12).save("palette.png")
    Image.fromarray(GREY > 100).save("two.png")
    picture(GREY.astype(np.uint16) * 256 + 7, "deep.png")
    deep, palette, two = (entry.content for entry in read("deep.png", "palette.png", "two.png"))
    assert np.array_equal(deep, GREY)
    assert palette.shape == (3, 4, 3)
    assert np.array_equal(two, np.where(GREY > 100, 255, 0))
    assert {deep.dtype, palette.dtype, two.dtype} == {np.dtype(np.uint8)}


def test_broken_images_are_passed_over_one_by_one(monkeypatch):
    picture(GREY, "shop/a.png")
    whole = Path("shop/a.png").read_bytes()
    Path("shop/b.png").write_bytes(whole[:-30])
    Path("shop/c.png").write_bytes(b"")
    Path("shop/d.jpg").write_bytes(b"not an image")
    Image.fromarray(GREY).save("shop/e.png", format="GIF")
    picture(np.zeros((64, 64), np.uint8), "shop/f.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000)
    source = Source(("shop",), ReadOptions(on_error="skip"))
    assert [entry.key for entry in source] == ["a.png"]
    broken = "cannot be read as PNG or JPEG, it is broken or cut off: fetch it again"
    assert [str(problem) for problem in source.problems] == [
        f"shop/b.png: {broken}",
        "shop/c.png: is an empty file: remove it or fetch it again",
        f"shop/d.jpg: {broken}",
        f"shop/e.png: {broken}",
        "shop/f.png: has more than 3,000 pixels: scale it down first",
    ]
    assert message("shop") == f"shop/b.png: {broken}"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert message("shop/f.png") == "shop/f.png: has more than 1,000 pixels: scale it down first"


def test_an_image_without_permission_says_so(monkeypatch):
    picture(GREY, "a.png")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    assert message("a.png") == "a.png: no permission to read it: change its mode or its owner"


# matrices


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_become_float32_vectors(dtype, order):
    rows = np.array([[1, 2.5, -3], [0, 4, 5]], dtype=dtype, order=order)
    np.save("a.npy", rows)
    found = read("a.npy")
    assert found == [Entry("a.npy:0", np.float32([1, 2.5, -3])), Entry("a.npy:1", np.float32([0, 4, 5]))]
    assert found[0].content.base is None


def test_blocks_join_without_a_seam(monkeypatch):
    monkeypatch.setattr("hashret.inputs.vectors._BLOCK", 3)
    rows = np.arange(22, dtype=np.float32).reshape(11, 2)
    np.save("a.npy", rows)
    found = read("a.npy")
    assert np.array_equal([entry.content for entry in found], rows)
    assert [entry.key for entry in found] == [f"a.npy:{row}" for row in range(11)]


def test_ids_come_from_a_file():
    Path("m").mkdir()
    np.save("m/a.npy", np.ones((2, 3)))
    Path("m/ids.txt").write_text("x\r\ny z\n")
    Path("ids.json").write_text('["p",\n 7]')
    assert [entry.key for entry in read("m/a.npy", ids="m/ids.txt")] == ["x", "y z"]
    assert [entry.key for entry in read("m", ids="m/ids.txt")] == ["x", "y z"]
    assert [entry.key for entry in read("m/a.npy", ids="ids.json")] == ["p", "7"]


def test_an_npz_gives_ids_and_columns():
    np.savez_compressed(
        "a.npz",
        emb=np.ones((2, 3), np.float16),
        id=["x", "y"],
        label=np.array([3, 4]),
        good=[True, False],
        score=[0.5, np.nan],
        name=["n", "m"],
        other=np.arange(5),
        grid=np.arange(4).reshape(2, 2),
    )
    ones = np.ones(3, np.float32)
    found = read("a.npz")
    assert found == [
        Entry("x", ones, {"label": 3, "good": True, "score": 0.5, "name": "n"}),
        Entry("y", ones, {"label": 4, "good": False, "score": None, "name": "m"}),
    ]
    assert json.loads(json.dumps(found[0].meta)) == found[0].meta
    Path("ids.txt").write_text("p\nq\n")
    assert [entry.key for entry in read("a.npz", ids="ids.txt")] == ["p", "q"]


def test_the_array_of_an_npz_can_be_named():
    np.savez("a.npz", base=np.ones((2, 3)), queries=np.zeros((1, 3)))
    assert [entry.content.tolist() for entry in read("a.npz", array="queries")] == [[0, 0, 0]]
    there = "there are base float64(2, 3), queries float64(1, 3); name one with --array"
    assert message("a.npz") == f"a.npz: several 2-D float arrays: {there}"
    assert message("a.npz", array="test") == f"a.npz: no array 'test': {there}"


def test_rows_that_are_not_finite_are_passed_over():
    np.save("a.npy", np.array([[1, 2], [np.nan, 1], [1, np.inf], [1e300, 1], [3, 4]]))
    source = Source(("a.npy",), ReadOptions(on_error="skip"))
    assert [entry.key for entry in source] == ["a.npy:0", "a.npy:4"]
    assert [str(problem) for problem in source.problems] == [
        f"a.npy row {row}: holds NaN, infinity or a number beyond float32: repair or remove it" for row in (1, 2, 3)
    ]
    assert message("a.npy").startswith("a.npy row 1: ")


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.ones(3), "is of shape (3,): give a matrix (rows, numbers)"),
        (np.ones((2, 3, 4)), "is of shape (2, 3, 4): give a matrix (rows, numbers)"),
        (np.ones((2, 0)), "is of shape (2, 0): give rows with at least one number"),
        (np.ones((2, 3), int), "is of dtype int64, not float: convert it with .astype('float32')"),
        (np.array([["a"]]), "is of dtype <U1, not float: convert it with .astype('float32')"),
        (np.ones((2, 3), complex), "is of dtype complex128, not float: convert it with .astype('float32')"),
        (
            np.array([[None]]),
            "holds pickled objects, which are never loaded: save it as plain numbers or texts",
        ),
    ],
)
def test_arrays_that_are_no_matrix_of_floats(array, text):
    np.save("a.npy", array, allow_pickle=True)
    assert message("a.npy", on_error="skip") == f"a.npy: {text}"
    np.savez("a.npz", m=array)
    assert message("a.npz", array="m", on_error="skip") == f"a.npz array 'm': {text}"


def test_an_npz_without_a_matrix_lists_what_is_there():
    np.savez("a.npz", x=np.ones(3), y=np.array([None]))
    assert message("a.npz") == "a.npz: no 2-D float array: there are x float64(3,), y; name one with --array"
    np.savez("b.npz")
    assert message("b.npz") == "b.npz: no 2-D float array: there are none; name one with --array"


@pytest.mark.parametrize("data", [b"", b"\x93NUM", b"\x80\x04K\x01.", b"\x93NUMPY\x01\x00\x04\x00abc\n"])
def test_files_that_are_no_npy(data):
    Path("a.npy").write_bytes(data)
    assert message("a.npy") == "a.npy: is not a .npy file: write it with numpy.save"


def test_truncated_matrices_say_so():
    np.save("a.npy", np.ones((100, 3)))
    Path("a.npy").write_bytes(Path("a.npy").read_bytes()[:-8])
    assert message("a.npy", on_error="skip") == "a.npy: is cut off, its header tells (100, 3): save it again"
    np.savez("a.npz", m=np.ones((100, 3)))
    whole = Path("a.npz").read_bytes()
    for data in (whole[:-40], whole[:200] + b"\7" + whole[201:], b"", Path("a.npy").read_bytes()):
        Path("a.npz").write_bytes(data)
        assert message("a.npz") == "a.npz: is not a whole .npz file: write it with numpy.savez"


def test_members_of_a_zip_that_are_no_arrays_are_passed_over():
    out = io.BytesIO()
    np.save(out, np.ones((1, 2)))
    with zipfile.ZipFile("a.npz", "w") as archive:
        archive.writestr("m.npy", out.getvalue())
        archive.writestr("note.txt", "hello")
    assert read("a.npz") == [Entry("a.npz:0", np.ones(2, np.float32))]


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("ids.txt", "x\n", "ids.txt: 1 ids for the 2 rows of a.npy: give one id a row"),
        ("ids.txt", "x\n\ny\n", "ids.txt: id 2 is '': give text or a whole number"),
        ("ids.json", '{"x": 1}', "ids.json: is not a list of ids: give one id a row"),
        ("ids.json", '["x",\n', "ids.json:1: broken JSON: give a list of ids"),
        ("ids.json", '["x", 1.5]', "ids.json: id 1 is 1.5: give text or a whole number"),
        (
            "ids.txt",
            "x\ny\0\n",
            "ids.txt:2: character 2 is NUL: is it a binary file, or UTF-16 that --encoding should name?",
        ),
        (
            "ids.txt",
            b"x\ny\xff\n",
            "ids.txt:2: byte 2 of the line is not utf-8: convert the file or name its encoding with --encoding",
        ),
    ],
)
def test_ids_that_do_not_fit(name, data, text):
    np.save("a.npy", np.ones((2, 3)))
    Path(name).write_bytes(data if isinstance(data, bytes) else data.encode())
    assert message("a.npy", ids=name, on_error="skip") == text


def test_ids_inside_an_npz_are_checked_too():
    np.savez("a.npz", m=np.ones((2, 3)), ids=["x"])
    assert message("a.npz") == "a.npz: 1 ids for the 2 rows of a.npz: give one id a row"
    np.savez("a.npz", m=np.ones((2, 3)), ids=np.array(["x", "y"], object))
    assert message("a.npz") == (
        "a.npz array 'ids': holds pickled objects, which are never loaded: save it as plain numbers or texts"
    )
    np.savez("a.npz", m=np.ones((2, 3)), ids=["x", "x"])
    assert message("a.npz") == ("a.npz row 1: id 'x' was used before, at a.npz row 0: give every entry its own id")


def test_an_ids_file_that_is_not_there_is_not_found():
    np.save("a.npy", np.ones((2, 3)))
    assert message("a.npy", error=NotFound, ids="no.txt") == "no.txt: no such file or folder: check the path"
