"""Matrices of embeddings, .npy and .npz, one entry a row; rows count from 0, as in NumPy.

Ids come from the ids file; else from an array `ids`, `id` or `keys` in the .npz; else they are file:row. The other
arrays of an .npz with one number or text a row become meta. A .npy is memory-mapped and read in blocks; an .npz is
unpacked whole. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.inputs.entry import Entry, File, Items, ReadOptions
from hashret.inputs.text import fault, lines, unreadable
from indexer.errors import InvalidInput, hint

_BLOCK = 4096  # rows converted at once: 6 MiB at 384 numbers
PICKLED = "holds pickled objects, which are never loaded: save it as plain numbers or texts"
_ID_ARRAYS = ("ids", "id", "keys")
_BROKEN = (ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Float rows (n, d) with their ids, None for file:row, and the columns (n,) beside them."""

    rows: NDArray[Any]
    ids: list[str] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def read_matrix(file: File, options: ReadOptions) -> Items:
    """The rows of a matrix: content float32 (d,), key = id or name:row.

    Raises `InvalidInput` if the file is broken, pickled, not a 2-D float matrix, or the ids do not fit.
    """
    try:
        matrix = _npz(file, options) if file.path.suffix.lower() == ".npz" else _Matrix(_npy(file))
    except OSError as error:
        raise unreadable(file, error) from error
    ids = matrix.ids if options.ids is None else ids_file(options.ids, options)
    count = len(matrix.rows)
    if ids is not None and len(ids) != count:
        source = options.ids or file.shown
        raise InvalidInput(f"{source}: {len(ids)} ids for the {count} rows of {file.shown}: give one id a row")
    row = -1
    file.meter.share = lambda: (row + 1) / count
    for start in range(0, count, _BLOCK):
        with np.errstate(over="ignore"):
            block = np.array(matrix.rows[start : start + _BLOCK], dtype=np.float32)
        finite = np.logical_and.reduce(np.isfinite(block), axis=1)
        for row, vector in enumerate(block, start):
            if finite[row - start]:
                meta = {name: _value(column[row]) for name, column in matrix.columns.items()}
                # A copy, or one kept row would keep its block.
                yield row, Entry(ids[row] if ids else f"{file.name}:{row}", vector.copy(), meta)
            else:
                text = f"{file.shown} row {row}: holds NaN, infinity or a number beyond float32: repair or remove it"
                yield row, InvalidInput(text)


def _npy(file: File) -> NDArray[Any]:
    """The mapped matrix of a .npy file; its header is read first, so that each fault gets its own message."""
    shape, dtype = _npy_header(file)
    _check(shape, dtype, file.shown)
    if 0 in shape:
        return np.empty(shape, dtype)
    try:
        matrix: NDArray[Any] = np.load(file.path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise InvalidInput(f"{file.shown}: is cut off, its header tells {shape}: save it again") from error
    return matrix


def _npy_header(file: File) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype from the header of a .npy file."""
    with file.path.open("rb") as stream:
        try:
            version = np.lib.format.read_magic(stream)
            if version == (1, 0):
                shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
            else:
                shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        except ValueError as error:
            raise InvalidInput(f"{file.shown}: is not a .npy file: write it with numpy.save") from error
    return shape, dtype


def npz_arrays(file: File) -> dict[str, NDArray[Any] | None]:
    """The arrays of an .npz file by name, None for one of objects; raises `InvalidInput` for a file that is broken."""
    try:
        with zipfile.ZipFile(file.path):  # a .npy by this name would come as an array, which cannot be closed
            pass
        with np.load(file.path, allow_pickle=False) as archive:
            return dict(_arrays(archive))
    except _BROKEN as error:
        raise InvalidInput(f"{file.shown}: is not a whole .npz file: write it with numpy.savez") from error


def _npz(file: File, options: ReadOptions) -> _Matrix:
    """The matrix, ids and columns of an .npz file."""
    arrays = npz_arrays(file)
    name = options.array or _only_matrix(arrays, file)
    if name not in arrays:
        there = f"there are {_listed(arrays)}; name one with --array{hint(name, arrays)}"
        raise InvalidInput(f"{file.shown}: no array {name!r}: {there}")
    matrix = arrays[name]
    if matrix is None:
        raise InvalidInput(f"{file.shown} array {name!r}: {PICKLED}")
    _check(matrix.shape, matrix.dtype, f"{file.shown} array {name!r}")
    columns = {
        other: column
        for other, column in arrays.items()
        if column is not None and column.shape == matrix.shape[:1] and column.dtype.kind in "biufU"
    }
    id_name = next((other for other in _ID_ARRAYS if other in arrays), None)
    if id_name is None:
        return _Matrix(matrix, None, columns)
    ids = arrays[id_name]
    if ids is None:
        raise InvalidInput(f"{file.shown} array {id_name!r}: {PICKLED}")
    columns.pop(id_name, None)
    return _Matrix(matrix, _id_list(ids.tolist(), f"{file.shown} array {id_name!r}"), columns)


def _arrays(archive: Any) -> Iterator[tuple[str, NDArray[Any] | None]]:
    """The arrays of an archive; None for one that NumPy would have to unpickle."""
    for name in archive.files:
        try:
            array = archive[name]
            if isinstance(array, np.ndarray):  # other members of the zip come as bytes
                yield name, array
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            yield name, None


def _only_matrix(arrays: Mapping[str, NDArray[Any] | None], file: File) -> str:
    """The name of the only 2-D float array."""
    names = [
        name for name, array in arrays.items() if array is not None and array.ndim == 2 and array.dtype.kind == "f"
    ]
    if len(names) != 1:
        many = "several 2-D float arrays" if names else "no 2-D float array"
        raise InvalidInput(f"{file.shown}: {many}: there are {_listed(arrays)}; name one with --array")
    return names[0]


def _listed(arrays: Mapping[str, NDArray[Any] | None]) -> str:
    """The arrays with type and shape, for a message."""
    parts = (f"{name} {array.dtype}{array.shape}" if array is not None else name for name, array in arrays.items())
    return ", ".join(parts) or "none"


def _check(shape: tuple[int, ...], dtype: np.dtype[Any], place: str) -> None:
    """Raise `InvalidInput` unless this is a matrix of floats."""
    if dtype.hasobject:
        raise InvalidInput(f"{place}: {PICKLED}")
    if dtype.kind != "f":
        raise InvalidInput(f"{place}: is of dtype {dtype}, not float: convert it with .astype('float32')")
    if len(shape) != 2:
        raise InvalidInput(f"{place}: is of shape {shape}: give a matrix (rows, numbers)")
    if shape[1] == 0:
        raise InvalidInput(f"{place}: is of shape {shape}: give rows with at least one number")


def _value(value: Any) -> Any:
    """A value of a column as JSON knows it; NaN and infinity, which it does not know, as null."""
    plain = value.item()
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def ids_file(path: str, options: ReadOptions) -> list[str]:
    """The ids in a .txt (one a line) or .json (a list) file."""
    file = File(Path(path), path)
    texts = []
    for number, text, problem in lines(file, options):
        if problem is not None:
            raise problem
        if reason := fault(text):
            raise InvalidInput(f"{file.shown}:{number}: {reason}")
        texts.append(text.rstrip("\r\n"))
    if file.path.suffix.lower() != ".json":
        return _id_list(texts, file.shown, first=1)
    try:
        return _id_list(json.loads("\n".join(texts)), file.shown)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{file.shown}:{error.lineno}: broken JSON: give a list of ids") from error


def _id_list(values: object, place: str, first: int = 0) -> list[str]:
    """Ids as texts; raises `InvalidInput` unless they are a flat list of texts or whole numbers, none empty."""
    if not isinstance(values, list):
        raise InvalidInput(f"{place}: is not a list of ids: give one id a row")
    for number, value in enumerate(values, first):
        if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
            raise InvalidInput(f"{place}: id {number} is {value!r}: give text or a whole number")
    return [str(value) for value in values]
