"""Binary codes as NumPy arrays: the conventions of hashret, stated once.

- Bits: uint8 {0, 1} (n, b). Codes: uint8 (n, b / 8), b a multiple of 8 from 8 to 256, most significant bit first
  (as `np.packbits` and FAISS). A single query is a batch of one. Ids: int64 (n,), ascending with insertion.
- Words: codes as uint64, highest byte first, which is how kernels have them; see `indexer.kernels.layout`.
- Distance is Hamming distance in bits, int32. A radius is inclusive: distance <= radius (FAISS's is strict).
- Ties go by id: answers are ordered by (distance, id), so that tests can compare lists.
- The store is the truth; memory and FAISS are caches that carry its revision.

Nothing here searches; nothing here allocates more than it returns, save `distances` one block.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InvalidInput

Bits = NDArray[np.uint8]
Codes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Ids = NDArray[np.int64]
Distances = NDArray[np.int32]

MIN_BITS, MAX_BITS = 8, 256
_BYTE = np.dtype(np.uint8)


def check_bits(bits: int) -> int:
    """A code length as it came; raises `InvalidInput` unless it is a multiple of 8 from 8 to 256."""
    if isinstance(bits, bool) or not isinstance(bits, int) or bits % 8 or not MIN_BITS <= bits <= MAX_BITS:
        raise InvalidInput(f"bits is {bits!r}: give a multiple of 8 from {MIN_BITS} to {MAX_BITS}")
    return bits


def whole(name: str, value: Any, least: int) -> int:
    """The one check of counts and radii at the border: a whole number of Python or NumPy, as one of Python.

    Raises `InvalidInput` for what is none, or less than `least`.
    """
    if type(value) is int and value >= least:
        return value
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InvalidInput(f"{name} is {value!r}: give a whole number of at least {least}")
    return int(value)


def as_ids(array: Any) -> Ids:
    """The one check of ids at the border: int64 (n,); raises `InvalidInput` for what are no whole numbers."""
    ids = np.asarray(list(array) if isinstance(array, set | frozenset) else array)
    if ids.size == 0:
        return np.zeros(0, np.int64)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise InvalidInput(f"ids are of type {ids.dtype} and shape {ids.shape}: give a list of whole numbers")
    return ids.astype(np.int64, copy=False)


def as_codes(array: Any, bits: int) -> Codes:
    """The one check of codes at the border: uint8 (n, bits / 8), contiguous; one code (bits / 8,) is a batch of one.

    Raises `InvalidInput` for another dtype or width.
    """
    if type(array) is np.ndarray and array.dtype is _BYTE and array.ndim == 2 and array.shape[1] * 8 == bits:
        return array if array.flags.c_contiguous else np.ascontiguousarray(array)
    codes = np.asarray(array)
    if codes.ndim == 1 and codes.size:
        codes = codes[None]
    elif codes.size == 0 and codes.ndim <= 2:
        codes = np.zeros((0, bits // 8), dtype=np.uint8)
    if codes.dtype != np.uint8:
        raise InvalidInput(f"codes are of type {codes.dtype}: give packed bits as uint8, see np.packbits")
    if codes.ndim != 2 or codes.shape[1] != bits // 8:
        raise InvalidInput(f"codes have shape {codes.shape}: give (n, {bits // 8}) for codes of {bits} bits")
    return np.ascontiguousarray(codes)


def pack(bits: Any) -> Codes:
    """Bits {0, 1} or bool (n, b) as codes; raises `InvalidInput` for other values or a length that is no code's."""
    array = np.asarray(bits)
    if array.ndim != 2:
        raise InvalidInput(f"bits have shape {array.shape}: give (n, b)")
    check_bits(array.shape[1])
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise InvalidInput("bits hold values other than 0 and 1")
    return np.packbits(array.astype(np.bool_), axis=1)


def unpack(codes: Codes) -> Bits:
    """Codes as bits uint8 {0, 1} (n, b)."""
    return np.unpackbits(codes, axis=1)


def distances(left: Codes, right: Codes) -> Distances:
    """Every Hamming distance between two batches of codes of one length, int32 (n, m)."""
    words = _words(left), _words(right)
    out = np.zeros((len(left), len(right)), dtype=np.int32)
    for column in range(words[0].shape[1]):
        out += np.bitwise_count(words[0][:, column, None] ^ words[1][None, :, column])
    return out


def ball_size(bits: int, radius: int) -> int:
    """How many codes lie within `radius` bits of a code: the sum of binomials (bits over i), i = 0..radius."""
    return sum(comb(bits, flips) for flips in range(min(radius, bits) + 1))


@lru_cache(maxsize=8)
def flip_masks(bits: int, radius: int) -> Codes:
    """Every code with at most `radius` bits set, uint8 (ball_size, bits / 8), fewest bits first.

    XOR with a code gives all codes within `radius` of it. Kept for the next call, hence read-only.
    """
    masks = []
    for flips in range(min(radius, bits) + 1):
        places = np.array(list(combinations(range(bits), flips)), dtype=np.int64).reshape(comb(bits, flips), flips)
        plain = np.zeros((len(places), bits), dtype=np.uint8)
        np.put_along_axis(plain, places, 1, axis=1)
        masks.append(np.packbits(plain, axis=1))
    out = np.concatenate(masks)
    out.flags.writeable = False
    return out


def _words(codes: Codes) -> NDArray[Any]:
    """Codes as columns of the widest unsigned integer that divides them: fewer, faster operations."""
    width = codes.shape[1]
    size = next(size for size in (8, 4, 2, 1) if width % size == 0)
    return np.ascontiguousarray(codes).view(f"<u{size}")
