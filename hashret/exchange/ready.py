"""Ready-made codes from files: arrays of NumPy, JSON lines of `hashret export --codes`, and FAISS binary indexes.

.npy    uint8 (n, b / 8), packed as by np.packbits, or bits 0 and 1 (n, b) of any whole type or bool
.npz    such an array called codes, and keys called ids where they are there
.jsonl  records of id and code in hexadecimal, with text and meta
others  a FAISS binary index: flat, IDMap and IDMap2, IVF, MultiHash, HNSW over these; their ids become keys

Keys are those of the ids file; else of the file itself; else file:row, or the numbers of FAISS. Nothing is unpickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.inputs import Source
from hashret.inputs.entry import File, ReadOptions
from hashret.inputs.records import key_of, parse
from hashret.inputs.text import lines, unreadable
from hashret.inputs.vectors import PICKLED, ids_file, npz_arrays
from indexer.bits import Codes, Ids, as_codes, check_bits, pack
from indexer.errors import InvalidInput, NotFound

_KINDS = "IndexBinary Flat, IDMap, IVF, MultiHash or HNSW"
_NOT_PACKED = "give packed bits as uint8, or bits 0 and 1"


@dataclass(frozen=True, slots=True)
class Ready:
    """Codes uint8 (n, b / 8) and their keys; `read_as` says in words what they were taken for."""

    codes: Codes
    keys: list[str]
    read_as: str
    contents: list[str | None] | None = None
    metas: list[dict[str, Any]] | None = None

    @property
    def bits(self) -> int:
        """Length of a code in bits."""
        return int(self.codes.shape[1]) * 8


def read_ready(path: str, ids: str | None = None, bits: int | None = None) -> Ready:
    """The codes of a file; `bits` is their length where that is known.

    Raises `NotFound`, and `InvalidInput` for a file that is none of these, ids that do not fit or are given twice, and
    codes of another length.
    """
    file = File(Path(path), Path(path).as_posix())
    if not file.path.is_file():
        raise NotFound(f"{path}: no such file: check the path")
    try:
        found = _READERS.get(file.path.suffix.lower(), _read_faiss)(file, bits)
    except OSError as error:
        raise unreadable(file, error) from error
    if bits is not None and found.bits != bits:
        raise InvalidInput(f"{path}: holds codes of {found.bits} bits, not of {bits}: give codes of one length")
    if ids is not None:
        keys = ids_file(ids, ReadOptions())
        if len(keys) != len(found.codes):
            raise InvalidInput(f"{ids}: {len(keys)} ids for the {len(found.codes)} codes of {path}: give one id a code")
        found = Ready(found.codes, keys, found.read_as, found.contents, found.metas)
    _check_twice(found.keys, ids or path)
    return found


def asked_codes(texts: tuple[str, ...], path: str | None, bits: int) -> tuple[list[str], Codes]:
    """Names and codes of queries: in hexadecimal, and of a file, which may have such lines; raises as `read_ready`."""
    names = list(texts)
    if path is not None and (path == "-" or Path(path).suffix.lower() == ".txt"):
        names += [str(entry.content) for entry in Source((path,), ReadOptions(lines=True))]
    codes = [_from_hex(name, f"query {name!r}", bits // 8, "") for name in names]
    whole = np.frombuffer(b"".join(codes), dtype=np.uint8).reshape(-1, bits // 8)
    if path is None or len(names) > len(texts):
        return names, whole
    found = read_ready(path, bits=bits)
    return names + found.keys, np.concatenate((whole, found.codes))


def _check_twice(keys: list[str], place: str) -> None:
    """Raise `InvalidInput` for a key that is given twice."""
    first: dict[str, int] = {}
    for number, key in enumerate(keys):
        if first.setdefault(key, number) != number:
            raise InvalidInput(f"{place}: ids {first[key]} and {number} are both {key!r}: give each once")


def _read_npy(file: File, bits: int | None) -> Ready:
    """A .npy file."""
    try:
        array = np.load(file.path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InvalidInput(f"{file.shown}: is not a whole .npy file of numbers: write it with numpy.save") from error
    codes, read_as = _codes(array, bits, file.shown)
    return Ready(codes, [f"{file.name}:{row}" for row in range(len(codes))], read_as)


def _read_npz(file: File, bits: int | None) -> Ready:
    """An .npz file, as `hashret export` writes it."""
    arrays = npz_arrays(file)
    for name in ("codes", "ids"):
        if name in arrays and arrays[name] is None:
            raise InvalidInput(f"{file.shown} array {name!r}: {PICKLED}")
    array, ids = arrays.get("codes"), arrays.get("ids")
    if array is None:
        raise InvalidInput(f"{file.shown}: has no array called codes: write numpy.savez(file, codes=..., ids=...)")
    codes, read_as = _codes(array, bits, f"{file.shown} array 'codes'")
    if ids is not None and ids.shape != (len(codes),):
        raise InvalidInput(
            f"{file.shown} array 'ids': has shape {ids.shape} for {len(codes)} codes: give one id a code"
        )
    keys = [f"{file.name}:{row}" for row in range(len(codes))] if ids is None else [str(key) for key in ids.tolist()]
    return Ready(codes, keys, read_as)


def _codes(array: NDArray[Any], bits: int | None, place: str) -> tuple[Codes, str]:
    """An array as codes, and what it was taken for."""
    if array.ndim != 2 or array.dtype.kind not in "bui" or not array.shape[1]:
        shown = f"{array.dtype}{array.shape}"
        raise InvalidInput(f"{place}: is {shown}, no matrix of codes: {_NOT_PACKED}")
    width = array.shape[1]
    known = bits is not None and width in (bits, bits // 8)
    packed = width * 8 == bits if known else not (width % 8 == 0 and _only_bits(array))
    if not packed:
        if not _only_bits(array):
            raise InvalidInput(f"{place}: has {width} numbers a row that are not all 0 or 1: {_NOT_PACKED}")
        return pack(np.asarray(array)), "bits 0 and 1"
    if array.dtype != np.uint8:
        advice = "add 128 and make it uint8, if it has packed bits less 128" if array.dtype == np.int8 else _NOT_PACKED
        raise InvalidInput(f"{place}: is {array.dtype}, no packed bits: {advice}")
    check_bits(width * 8)
    return as_codes(np.array(array), width * 8), "packed bits"


def _only_bits(array: NDArray[Any], block: int = 1 << 16) -> bool:
    """Whether all values are 0 or 1; a block of rows at a time."""
    parts = (array[start : start + block] for start in range(0, len(array), block))
    return all(part.dtype == np.bool_ or bool(((part == 0) | (part == 1)).all()) for part in parts)


def _read_lines(file: File, bits: int | None) -> Ready:
    """Records of JSON lines."""
    keys: list[str] = []
    codes: list[bytes] = []
    contents: list[str | None] = []
    metas: list[dict[str, Any]] = []
    for number, text, problem in lines(file, ReadOptions()):
        if problem is not None:
            raise problem
        if not text.strip():
            continue
        place = f"{file.shown}:{number}"
        one = parse(text, place)
        codes.append(_from_hex(one.pop("code", None), place, len(codes[0]) if codes else None))
        keys.append(key_of(one.pop("id"), place, "id") if "id" in one else f"{file.name}:{number}")
        content = one.pop("text", None)
        if content is not None and not isinstance(content, str):
            raise InvalidInput(f"{place}: field 'text' is not text: leave it out")
        contents.append(content)
        metas.append(one)
    if not codes:
        raise InvalidInput(f"{file.shown}: has no codes: write lines of id and code")
    whole = np.frombuffer(b"".join(codes), dtype=np.uint8).reshape(len(codes), -1)
    check_bits(whole.shape[1] * 8)
    return Ready(whole, keys, "hexadecimal", contents, metas)


def _from_hex(value: Any, place: str, width: int | None, field: str = "field 'code' ") -> bytes:
    """A code as bytes, of so many if that is known."""
    try:
        code = bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{place}: {field}is no code: give its bytes in hexadecimal") from error
    if not code or (width is not None and len(code) != width):
        wanted = "" if width is None else f", the others {width}"
        raise InvalidInput(f"{place}: the code has {len(code)} bytes{wanted}: give codes of one length")
    return code


def _read_faiss(file: File, bits: int | None) -> Ready:
    """A FAISS binary index."""
    import faiss

    with file.path.open("rb") as opened:
        head = opened.read(4)
    if head[:2] != b"IB":
        what = (
            "is a FAISS index of numbers, not of bits" if head[:2] in (b"Ix", b"IH", b"IN") else "is no file of codes"
        )
        raise InvalidInput(f"{file.shown}: {what}: give .npy, .npz, .jsonl or a FAISS {_KINDS}")
    try:
        owner = faiss.read_index_binary(str(file.path))  # what `_exact` gives lives no longer than this
    except RuntimeError as error:
        raise InvalidInput(f"{file.shown}: FAISS cannot read it, it is broken or cut off: write it again") from error
    check_bits(int(owner.d))
    ids, codes = _unpacked(owner, file.shown)
    return Ready(codes, [str(number) for number in ids.tolist()], type(_exact(owner)).__name__)


def _exact(index: Any) -> Any:
    """A FAISS index as what it is."""
    import faiss

    return faiss.downcast_IndexBinary(index)


def _unpacked(index: Any, place: str) -> tuple[Ids, Codes]:
    """Ids and codes of a FAISS binary index, in the order in which it holds them."""
    import faiss

    index = _exact(index)
    kind = type(index).__name__.removeprefix("IndexBinary")
    if kind in ("IDMap", "IDMap2"):
        return faiss.vector_to_array(index.id_map), _unpacked(index.index, place)[1]
    if kind == "Flat":
        codes = faiss.vector_to_array(index.xb).reshape(-1, index.code_size)
        return np.arange(len(codes), dtype=np.int64), codes
    if kind == "IVF":
        return _from_lists(index)
    if kind in ("MultiHash", "HNSW"):
        return _unpacked(index.storage, place)
    wanted = f"write them to an {_KINDS}, or to .npy"
    raise InvalidInput(f"{place}: is an IndexBinary{kind}, whose codes cannot be read back: {wanted}")


def _from_lists(index: Any) -> tuple[Ids, Codes]:
    """Ids, ascending, and codes of the inverted lists of an IVF index."""
    import faiss

    ids, codes = [np.zeros(0, np.int64)], [np.zeros((0, index.code_size), np.uint8)]
    for number in range(index.nlist):
        size = index.invlists.list_size(number)
        if size:
            ids.append(faiss.rev_swig_ptr(index.invlists.get_ids(number), size).copy())
            flat = faiss.rev_swig_ptr(index.invlists.get_codes(number), size * index.code_size)
            codes.append(flat.reshape(size, -1).copy())
    order = np.argsort(np.concatenate(ids), kind="stable")
    return np.concatenate(ids)[order], np.concatenate(codes)[order]


_READERS = {".npy": _read_npy, ".npz": _read_npz, ".jsonl": _read_lines, ".ndjson": _read_lines}
