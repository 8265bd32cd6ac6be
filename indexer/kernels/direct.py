"""A search that Python calls as it calls its own functions: one code, a small radius, and nothing in between.

To look at what compiled code is given takes numba a microsecond, three arrays for an answer take NumPy half of one, and
the ordinary way around them takes two: ten times what the search itself does. Here the compiled code is a built-in
function (https://docs.python.org/3/c-api/structures.html#c.METH_FASTCALL), which reads code and radius where CPython
and NumPy keep them and makes the answer by their own C functions. What is not simply one code and a small radius, or
is asked after anybody has written, it hands on to the ordinary way. It holds the GIL, as all small built-ins do.
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache, partial
from inspect import Signature, getdoc, signature
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]
from numpy.typing import NDArray

from indexer.bits import Ids
from indexer.kernels.bloom import absent
from indexer.kernels.hits import LONG, Space, entered
from indexer.kernels.layout import Layout, opened, read_row
from indexer.kernels.native import address_of, addresses, called, inlined, kernel, matrix, put, read, table, vector
from indexer.kernels.search import MULTI, search

Ask = Callable[..., Any]  # given a code uint8 (1, b / 8) or (b / 8,) and a radius, or anything: the answer
Make = Callable[[Ask, Ask], Ask]  # given the ordinary way, and a method that the function is to look like
# What tells whether anybody has written, (n,); what it told when the layout was made; and (1,) 0 where that is no more.
Watched = tuple[Ids, Ids, Ids]

# Bytes from where an object begins to how often it is referred to, to its type, and to the first item of a tuple; of an
# array to where its data are, how many dimensions it has, where its shape is, its dtype, and its flags: the lowest is
# set if it has no gaps.
COUNT, TYPE, ITEM = 0, 8, 24
DATA, DIMENSIONS, SHAPE, DTYPE, FLAGS = 16, 24, 32, 56, 64
LOW = 0xFFFFFFFF  # the half of a word that dimensions and flags are

# What is handed over as `addresses`: a space, a layout, what is `Watched` and `Known`, the lims of answers of each
# length, room for those of a search; then the code that is looked for, and a part of the answer.
SPACE, LAYOUT, NOW, THEN, OPEN, KNOWN, LIMS, SCRATCH, CODE, PART = range(10)
FUNCTIONS = {  # of CPython, by what they are for
    "as_number": "PyLong_AsSsize_t",
    "clear": "PyErr_Clear",
    "keep": "Py_IncRef",
    "drop": "Py_DecRef",
    "new": "PyType_GenericAlloc",
    "call": "PyObject_Vectorcall",
}
NEW_ARRAY = 93  # the number of PyArray_New among the C functions of NumPy
INT32, INT64 = (np.dtype(kind).num for kind in (np.int32, np.int64))  # as NumPy numbers types
FAST_CALL = 0x80 | 0x02  # METH_FASTCALL | METH_KEYWORDS
ELSE = -1  # an answer that the ordinary way is to give
ROOM = 1 << 12  # answers; where there are more, the ordinary way finds them
OBJECTS = {"integer": int, "array": np.ndarray, "byte": np.dtype(np.uint8)}
PARTS = ("lims", "ids", "distances", "_store")  # of an answer
# Room for the length of an array; bytes of a code, and the largest radius; the addresses of functions and of objects,
# at last of the ordinary way, the type of an answer and what it shares with others; and how far from where an answer
# begins its parts are.
SHARED = ("ordinary", "answer", "empty", "store", "no_lims", "no_ids", "no_distances")
NUMBERS = ("length", "width", "most", *FUNCTIONS, "new_array", *OBJECTS, *SHARED, *PARTS)
Known = np.dtype([(name, np.int64) for name in NUMBERS])


@kernel
def answer(me: int, given: int, count: int, names: int) -> int:
    """The answer to a code and a radius; a built-in function of METH_FASTCALL | METH_KEYWORDS."""
    held = table(read(read(me, ITEM), DATA))
    known = vector(held, KNOWN, Known)[0]
    found = np.int64(ELSE)
    if count == 2 and names == 0 and _unchanged(held) and _is_code(known, read(given, 0)):
        radius = _radius(known, read(given, 8))
        if 0 <= radius <= known.most:
            code = read(read(given, 0), DATA)
            none = _absent(held, code, radius)
            found = known.empty if none and _is_free(known) else _found(held, known, code, radius, none)
    if found == ELSE:
        found = called(known.call, (known.ordinary, given, count, names))
    elif found == known.empty:
        called(known.keep, (found,))
    return found


@inlined
def _unchanged(held: Ids) -> bool:
    """Whether the file is open, and nobody has written since the layout was made."""
    now, then = vector(held, NOW, np.int64), vector(held, THEN, np.int64)
    same = vector(held, OPEN, np.int64)[0] != 0
    for place in range(now.size if same else 0):
        same &= now[place] == then[place]
    return same


@inlined
def _is_code(known: Any, given: int) -> bool:
    """Whether an object is one code of our length without gaps."""
    if read(given, TYPE) != known.array or read(given, DTYPE) != known.byte or not read(given, FLAGS) & 1:
        return False
    dimensions, shape = read(given, DIMENSIONS) & LOW, read(given, SHAPE)
    one = dimensions == 1 or (dimensions == 2 and read(shape, 0) == 1)
    return one and read(shape, 8 * (dimensions - 1)) == known.width


@inlined
def _radius(known: Any, given: int) -> int:
    """A whole number; -1 for what is none, or too large for a word."""
    if read(given, TYPE) != known.integer:
        return np.int64(-1)
    number = called(known.as_number, (given,))
    if number == -1:
        called(known.clear, (number,))
    return number


@inlined
def _is_free(known: Any) -> bool:
    """Whether nobody else has the empty answer, and nobody has changed it."""
    same = read(known.empty, known.ids) == known.no_ids and read(known.empty, known.distances) == known.no_distances
    same &= read(known.empty, known.lims) == known.no_lims and read(known.empty, known._store) == known.store
    return same and read(known.empty, COUNT) & LOW == 1


@inlined
def _found(held: Ids, known: Any, code: int, radius: int, none: bool) -> int:
    """A new answer, or ELSE where there is more than fits into it; 0 with an error set if there is no memory for it.

    It is made before the search: to make an object may have Python collect garbage, and that may run anything, a search
    like this one too. Its arrays are made without.
    """
    made = called(known.new, (known.answer, np.int64(0)))
    if made:
        held[CODE, 0] = code
        size = np.int64(0) if none else _search(held, radius)
        fits = 0 <= size <= LONG
        if not (fits and _fill(held, known, made, size)):
            called(known.drop, (made,))
            made = np.int64(0 if fits else ELSE)
    return made


@inlined
def _absent(held: Ids, code: int, radius: int) -> bool:
    """Whether surely nothing is within a radius of a code."""
    held[CODE, 0] = code
    layout, words = opened(matrix(held, LAYOUT, np.int64)), entered(matrix(held, SPACE, np.int64)).words[0]
    read_row(matrix(held, CODE, np.uint8)[0], words, layout.codes.shape[0])
    return absent(layout.bloom, layout.parts, words, radius)


@inlined
def _search(held: Ids, radius: int) -> int:
    """Put what is within a radius of the code into the space: how many, or less than 0 if there is no room for them."""
    code, lims = matrix(held, CODE, np.uint8), vector(held, SCRATCH, np.int64)
    room, parts = matrix(held, SPACE, np.int64), matrix(held, LAYOUT, np.int64)
    none, way = np.int64(0), np.int64(MULTI)  # of the type that others give them, lest all is compiled once more
    return search(code, lims, none, none, radius, way, radius, radius, room, parts)


@inlined
def _fill(held: Ids, known: Any, made: int, size: int) -> bool:
    """Give an answer its parts, of which lims are shared, and all that is empty; whether there was memory for them."""
    _share(known, made + known._store, known.store)
    _share(known, made + known.lims, vector(held, LIMS, np.int64)[size])
    if size == 0:
        _share(known, made + known.ids, known.no_ids)
        _share(known, made + known.distances, known.no_distances)
        return True
    space = entered(matrix(held, SPACE, np.int64))
    whole = _part(held, known, made + known.ids, space.ids, size)
    return whole and _part(held, known, made + known.distances, space.near, size)


@inlined
def _share(known: Any, place: int, part: int) -> None:
    """Put an object in its place."""
    called(known.keep, (part,))
    put(place, 0, part)


@inlined
def _part(held: Ids, known: Any, place: int, source: Any, size: int) -> bool:
    """Put a new array with so much of another in its place; whether there was memory for it."""
    known.length = size
    kind, none = np.int64(INT64 if source.itemsize == 8 else INT32), np.int64(0)
    made = called(known.new_array, (known.array, np.int64(1), held[KNOWN, 0], kind, none, none, none, none, none))
    put(place, 0, made)
    if made:
        held[PART, 0], held[PART, 1] = read(made, DATA), size
        copy = vector(held, PART, source.dtype)
        for number in range(size):
            copy[number] = source[number]
    return made != 0


def direct(layout: Layout, watched: Watched, width: int, most: int, like: Any) -> Make | None:
    """What makes a built-in function of the ordinary way, that itself answers one code and a radius up to `most`.

    None where that cannot be. Once what is `watched` differs the ordinary way gives all answers. `like` is an empty
    answer of the type that is wanted, with the store that is wanted; its parts are shared by all that are empty, of
    which one is given out again once nobody has it.
    """
    if not usual():
        return None
    _ = _address()  # which takes time, if it is not yet compiled
    return partial(_built_in, layout, watched, (width, most), like)


def _built_in(layout: Layout, watched: Watched, limits: tuple[int, int], like: Any, ordinary: Ask, named: Ask) -> Ask:
    """See `direct`."""
    known, space, empty = _constants().copy(), Space.of(ROOM), replace(like, lims=_lims()[0][0])
    known["width"], known["most"] = limits
    shared = ordinary, type(like), empty, empty._store, empty.lims, empty.ids, empty.distances
    for name, each in zip(SHARED, shared, strict=True):
        known[name] = id(each)
    parts = _words(like, type(like).__basicsize__ // 8)
    for name in PARTS:
        known[name] = 8 * parts.index(id(getattr(like, name)))
    own = np.zeros(2, np.int64), np.zeros((1, limits[0]), np.uint8), np.zeros(1, np.int64)  # scratch, code, part
    held = addresses(space), addresses(layout), *watched, known.view(np.int64), _lims()[1], *own
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    kept = addresses(held), held, space, layout, like, empty, ordinary
    made: Ask = make(ctypes.byref(_definition(named)), kept, None)
    return made


class Definition(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (("name", ctypes.c_char_p), ("call", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


@cache
def _definition(named: Ask) -> Definition:
    """The one of `answer`, with name, signature and doc of a method; Python goes on using it."""
    names = [each.replace(annotation=each.empty) for each in signature(named).parameters.values()]
    doc = f"{named.__name__}{Signature(names[1:])}\n--\n\n{getdoc(named)}"
    return Definition(named.__name__.encode(), _address(), FAST_CALL, doc.encode())


@lru_cache(maxsize=1)
def _address() -> int:
    """Where `answer` is, which is compiled if it was not yet."""
    return address_of(answer, 4)


@lru_cache(maxsize=1)
def _constants() -> NDArray[Any]:
    """What is `Known` of Python and of NumPy, whose functions https://numpy.org/doc/stable/reference/c-api tells of."""
    known = np.zeros(1, Known)
    for name, function in FUNCTIONS.items():
        known[name] = ctypes.cast(getattr(ctypes.pythonapi, function), ctypes.c_void_p).value
    for name, each in OBJECTS.items():
        known[name] = id(each)
    table_of = ctypes.pythonapi.PyCapsule_GetPointer
    table_of.restype, table_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    known["new_array"] = _at(table_of(_multiarray_umath._ARRAY_API, None), NEW_ARRAY + 1)[NEW_ARRAY]
    return known


@lru_cache(maxsize=1)
def _lims() -> tuple[list[Ids], Ids]:
    """Those of one query, by how many answers it has, and their addresses. They are shared, hence read-only."""
    lims = [np.array((0, size), np.int64) for size in range(LONG + 1)]
    for each in lims:
        each.flags.writeable = False
    return lims, np.array([id(each) for each in lims], np.int64)


@lru_cache(maxsize=1)
def usual() -> bool:
    """Whether objects lie in memory as this file takes them to: not in a Python without the GIL, nor in PyPy."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED") or sys.maxsize < LOW:
        return False
    array, only = np.zeros((3, 5), np.uint8), (np.zeros(1), None)
    pair, whole, gaps = _words(only, 4), _words(array, 9), _words(array[:, 1:], 9)
    found = [pair[TYPE // 8], pair[ITEM // 8], whole[TYPE // 8], whole[DATA // 8], whole[DTYPE // 8]]
    found += [whole[DIMENSIONS // 8] & LOW, *_at(whole[SHAPE // 8], 2), whole[FLAGS // 8] & 1, gaps[FLAGS // 8] & 1]
    found += [_at(id(only[0]) + COUNT, 1)[0] & LOW]
    first = [id(tuple), id(only[0]), id(np.ndarray), array.ctypes.data, id(array.dtype)]
    return found == [*first, 2, 3, 5, 1, 0, 1]


def _words(thing: object, count: int) -> list[int]:
    """The first words of an object in memory."""
    return _at(id(thing), count)


def _at(address: int, count: int) -> list[int]:
    """So many words in memory."""
    return list((ctypes.c_int64 * count).from_address(address))
