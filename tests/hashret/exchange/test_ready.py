"""Ready-made codes as others write them: each form gives back codes and keys, and what is none is told."""

import faiss
import numpy as np
import pytest

from hashret.exchange.ready import asked_codes, read_ready
from indexer.errors import InvalidInput, NotFound

CODES = np.random.default_rng(5).integers(0, 256, (60, 4), dtype=np.uint8)
IDS = np.arange(60, dtype=np.int64)[::-1] * 10**12 + 3


def plain(path):
    """An .npy file, whatever its name."""
    with path.open("wb") as file:
        np.save(file, CODES)


def torn(path):
    """An archive whose numbers do not unpack."""
    np.savez_compressed(path, codes=CODES)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 3
    whole[middle : middle + 10] = bytes(10)
    path.write_bytes(whole)


def flat():
    index = faiss.IndexBinaryFlat(32)
    index.add(CODES)
    return index


def mapped(kind):
    index = kind(faiss.IndexBinaryFlat(32))
    index.add_with_ids(CODES, IDS)
    return index


def lists(ids=None):
    coarse = faiss.IndexBinaryFlat(32)
    index = faiss.IndexBinaryIVF(coarse, 32, 4)
    index.own_fields, index.cp.min_points_per_centroid = False, 1
    index.train(CODES)
    index.add(CODES) if ids is None else index.add_with_ids(CODES, ids)
    index.kept = coarse
    return index


def multi_hash():
    index = faiss.IndexBinaryMultiHash(32, 4, 8)
    index.add(CODES)
    return index


def graph():
    index = faiss.IndexBinaryHNSW(32, 8)
    index.add(CODES)
    return index


@pytest.mark.parametrize(
    ("make", "kind", "ids"),
    [
        (flat, "Flat", range(60)),
        (lambda: mapped(faiss.IndexBinaryIDMap), "IDMap", IDS),
        (lambda: mapped(faiss.IndexBinaryIDMap2), "IDMap2", IDS),
        (lists, "IVF", range(60)),
        (lambda: lists(IDS), "IVF", IDS),
        (multi_hash, "MultiHash", range(60)),
        (graph, "HNSW", range(60)),
        (lambda: faiss.IndexBinaryFlat(32), "Flat", []),
    ],
)
def test_faiss_indexes(make, kind, ids, tmp_path):
    faiss.write_index_binary(make(), str(tmp_path / "codes.faiss"))
    found = read_ready(str(tmp_path / "codes.faiss"))
    assert found.read_as == f"IndexBinary{kind}"
    assert found.keys == [str(number) for number in (sorted(ids) if kind == "IVF" else ids)]
    assert dict(zip(found.keys, found.codes.tolist(), strict=True)) == dict(
        zip(map(str, ids), CODES.tolist(), strict=False)
    )


@pytest.mark.parametrize(
    ("array", "read_as", "expected"),
    [
        (CODES, "packed bits", CODES),
        (np.asfortranarray(CODES), "packed bits", CODES),
        (np.unpackbits(CODES, axis=1), "bits 0 and 1", CODES),
        (np.unpackbits(CODES, axis=1).astype(bool), "bits 0 and 1", CODES),
        (np.unpackbits(CODES, axis=1).astype(np.int64), "bits 0 and 1", CODES),
        (np.ones((3, 8), np.uint8), "bits 0 and 1", np.full((3, 1), 255, np.uint8)),
        (np.ones((3, 4), np.uint8), "packed bits", np.ones((3, 4), np.uint8)),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays(array, read_as, expected, suffix, tmp_path):
    path = tmp_path / f"c{suffix}"
    np.save(path, array) if suffix == ".npy" else np.savez(path, codes=array)
    found = read_ready(str(path))
    assert (found.read_as, found.keys) == (read_as, [f"{path}:{row}" for row in range(len(array))])
    assert np.array_equal(found.codes, expected)


def test_a_known_length_decides_between_bits_and_bytes(tmp_path):
    np.save(tmp_path / "c.npy", np.ones((3, 8), np.uint8))
    assert read_ready(str(tmp_path / "c.npy"), bits=64).codes.tolist() == [[1] * 8] * 3
    assert read_ready(str(tmp_path / "c.npy"), bits=8).codes.tolist() == [[255]] * 3


def test_keys_of_an_archive_and_of_a_file_of_ids(tmp_path):
    np.savez(tmp_path / "c.npz", codes=CODES[:3], ids=np.array(["a", "é", "c d"]))
    assert read_ready(str(tmp_path / "c.npz")).keys == ["a", "é", "c d"]
    (tmp_path / "ids.txt").write_text("x\ny y\nz\n")
    (tmp_path / "ids.json").write_text('["x", 2, "z"]')
    assert read_ready(str(tmp_path / "c.npz"), str(tmp_path / "ids.txt")).keys == ["x", "y y", "z"]
    assert read_ready(str(tmp_path / "c.npz"), str(tmp_path / "ids.json")).keys == ["x", "2", "z"]


def test_lines_with_codes_in_hexadecimal(tmp_path):
    (tmp_path / "c.jsonl").write_text('{"id": "a", "code": "00FF", "text": "moon", "n": 1}\n\n{"code": "0102"}\n')
    found = read_ready(str(tmp_path / "c.jsonl"))
    assert (found.keys, found.contents, found.metas) == (["a", f"{tmp_path}/c.jsonl:3"], ["moon", None], [{"n": 1}, {}])
    assert found.codes.tolist() == [[0, 255], [1, 2]]


def test_queries_are_codes_in_hexadecimal_or_files(tmp_path):
    names, codes = asked_codes(("00ff",), None, 16)
    assert (names, codes.tolist()) == (["00ff"], [[0, 255]])
    (tmp_path / "q.txt").write_text("0102\n0304\n")
    names, codes = asked_codes(("00ff",), str(tmp_path / "q.txt"), 16)
    assert (names, codes.tolist()) == (["00ff", "0102", "0304"], [[0, 255], [1, 2], [3, 4]])
    np.save(tmp_path / "q.npy", CODES[:2, :2])
    names, codes = asked_codes(("00ff",), str(tmp_path / "q.npy"), 16)
    assert (names, codes.tolist()) == (
        ["00ff", f"{tmp_path}/q.npy:0", f"{tmp_path}/q.npy:1"],
        [[0, 255], *CODES[:2, :2].tolist()],
    )
    for text, message in [
        ("moon", "query 'moon': is no code: give its bytes in hexadecimal"),
        ("00", "query '00': the code has 1 bytes, the others 2: give codes of one length"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            asked_codes((text,), None, 16)
        assert str(caught.value) == message


def write(path, make):
    if callable(make):
        make(path)
    else:
        path.write_bytes(make)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("x.npy", b"no array", "is not a whole .npy file of numbers: write it with numpy.save"),
        ("x.npy", lambda path: np.save(path, np.ones((2, 8), np.float32)),
         "is float32(2, 8), no matrix of codes: give packed bits as uint8, or bits 0 and 1"),
        ("x.npy", lambda path: np.save(path, np.array(["a"], object)),
         "is not a whole .npy file of numbers: write it with numpy.save"),
        ("x.npy", lambda path: np.save(path, np.full((2, 8), -5, np.int8)),
         "is int8, no packed bits: add 128 and make it uint8, if it has packed bits less 128"),
        ("x.npy", lambda path: np.save(path, np.full((2, 33), 5, np.uint8)),
         "bits is 264: give a multiple of 8 from 8 to 256"),
        ("x.npz", lambda path: np.savez(path, other=CODES),
         "has no array called codes: write numpy.savez(file, codes=..., ids=...)"),
        ("x.npz", b"PK", "is not a whole .npz file: write it with numpy.savez"),
        ("x.npz", plain, "is not a whole .npz file: write it with numpy.savez"),
        ("x.npz", torn, "is not a whole .npz file: write it with numpy.savez"),
        ("x.npz", lambda path: np.savez(path, codes=CODES, ids=np.array([None], object)),
         " array 'ids': holds pickled objects, which are never loaded: save it as plain numbers or texts"),
        ("x.jsonl", b'{"id": "a"}\n', ":1: field 'code' is no code: give its bytes in hexadecimal"),
        ("x.jsonl", b'{"code": "00"}\n{"code": "0001"}\n',
         ":2: the code has 2 bytes, the others 1: give codes of one length"),
        ("x.jsonl", b"\n", "has no codes: write lines of id and code"),
        ("x.faiss", b"anything", "is no file of codes: give .npy, .npz, .jsonl or a FAISS "
         "IndexBinary Flat, IDMap, IVF, MultiHash or HNSW"),
        ("x.faiss", lambda path: faiss.write_index(faiss.IndexFlatL2(8), str(path)),
         "is a FAISS index of numbers, not of bits: give .npy, .npz, .jsonl or a FAISS "
         "IndexBinary Flat, IDMap, IVF, MultiHash or HNSW"),
        ("x.faiss", b"IBxF" + b"\0" * 9, "FAISS cannot read it, it is broken or cut off: write it again"),
        ("x.faiss", lambda path: faiss.write_index_binary(faiss.IndexBinaryHash(32, 8), str(path)),
         "is an IndexBinaryHash, whose codes cannot be read back: write them to an "
         "IndexBinary Flat, IDMap, IVF, MultiHash or HNSW, or to .npy"),
        ("x.faiss", lambda path: faiss.write_index_binary(faiss.IndexBinaryFlat(512), str(path)),
         "bits is 512: give a multiple of 8 from 8 to 256"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_codes_is_told(name, make, message, tmp_path):
    write(tmp_path / name, make)
    with pytest.raises(InvalidInput) as caught:
        read_ready(str(tmp_path / name))
    whole = str(caught.value)
    assert whole.removeprefix(f"{tmp_path}/{name}").removeprefix(": ") == message


def test_ids_that_do_not_fit_are_told(tmp_path):
    np.save(tmp_path / "c.npy", CODES[:3])
    for ids, message in [
        ("a\nb\n", f"{tmp_path}/i.txt: 2 ids for the 3 codes of {tmp_path}/c.npy: give one id a code"),
        ("a\nb\na\n", f"{tmp_path}/i.txt: ids 0 and 2 are both 'a': give each once"),
    ]:
        (tmp_path / "i.txt").write_text(ids)
        with pytest.raises(InvalidInput) as caught:
            read_ready(str(tmp_path / "c.npy"), str(tmp_path / "i.txt"))
        assert str(caught.value) == message
    with pytest.raises(NotFound, match="no such file: check the path"):
        read_ready(str(tmp_path / "nothing"))
