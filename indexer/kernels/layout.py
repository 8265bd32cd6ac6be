"""The arrays that the kernels read, and how they are made: multi-index hashing over different codes.

A code of b bits is one to four words of 64, its bytes spread evenly over them from the top. Each word is cut into
chunks of `width` bits. Two codes within r bits of one another agree, in at least one of m chunks, up to r // m bits
(Norouzi, Punjani and Fleet 2012): table t leads from the value of chunk t to the codes that have it. Codes ascend,
so table 0 is the codes themselves; the others hold, beside the place of each code, the word that the chunk is of:
for codes of 64 bits a candidate's distance is known without another look.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.bits import Codes, Ids, Words
from indexer.kernels.bloom import fill_bloom
from indexer.kernels.native import inlined, kernel, matrix, vector, word
from indexer.planner import BLOOM, CUTS, FLIPS, chunking, known_parts

LINE, PAGE = 64, 1 << 21  # bytes of a line of the processor's cache, and of a large page
LARGE = 1 << 25  # bytes of an array that is left where it is
ADVICE = getattr(mmap, "MADV_HUGEPAGE", None)  # Linux alone has it
Numbers = NDArray[np.int32]


class Layout(NamedTuple):
    """What a search reads: n entries with u different codes of w words, m chunks, f fresh entries."""

    codes: Words  # (w, u), ascending from the first word to the last
    starts: Numbers  # (u + 1,): code i has ids[starts[i]:starts[i + 1]]
    ids: Ids  # (n,), ascending within a code
    gone: NDArray[np.bool_]  # (n,): ids that are removed or have another code by now; (0,) for none
    fresh: Words  # (w, f): codes stored since
    fresh_ids: Ids  # (f,), ascending
    places: Ids  # (m,): chunk t is of the word places[t],
    shifts: Ids  # (m,): and is (word >> shifts[t]) & (2**width - 1)
    offsets: Numbers  # (m, 2**width + 1): where the codes of each value of chunk t begin in table t
    rows: Numbers  # (m - 1, u): the codes in the order of tables 1 to m - 1
    words: Words  # (m - 1, u): of each, the word that the chunk is of
    masks: Numbers  # every way to flip bits of a chunk, fewest first
    levels: Ids  # masks[levels[s]:levels[s + 1]] flip s bits
    parts: Words  # (p, w): the bits that are a part of a code: all, a half, the other, a quarter and so on
    bloom: Words  # (p, s): which parts are there, see `indexer.kernels.bloom`
    costs: NDArray[np.float64]  # nanoseconds: of a probe, a candidate, a scan; then candidates a probe at each level


@inlined
def opened(held: Ids) -> Layout:
    """A layout that is handed over as the `addresses` of its parts."""
    return Layout(
        matrix(held, 0, np.uint64), vector(held, 1, np.int32), vector(held, 2, np.int64), vector(held, 3, np.bool_),
        matrix(held, 4, np.uint64), vector(held, 5, np.int64), vector(held, 6, np.int64), vector(held, 7, np.int64),
        matrix(held, 8, np.int32), matrix(held, 9, np.int32), matrix(held, 10, np.uint64), vector(held, 11, np.int32),
        vector(held, 12, np.int64), matrix(held, 13, np.uint64), matrix(held, 14, np.uint64),
        vector(held, 15, np.float64),
    )  # fmt: skip


def lay_out(ids: Ids, codes: Codes) -> tuple[Layout, Ids]:
    """The layout of codes uint8 (n, b / 8) and their ids (n,), ascending; and the order (n,) in which it has them.

    Costs are still to be measured.
    """
    words = as_words(codes).T
    order = np.argsort(words[0], kind="stable") if len(words) == 1 else np.lexsort(words[::-1])
    words = words[:, order]
    new = np.ones(len(ids), dtype=np.bool_)
    new[1:] = (words[:, 1:] != words[:, :-1]).any(axis=0)
    firsts = np.flatnonzero(new)
    different = np.ascontiguousarray(words[:, firsts])
    starts = np.append(firsts, len(ids)).astype(np.int32)
    size, count = len(firsts), len(words)
    chunks, width = chunking(codes.shape[1] * 8, size)
    places, shifts = np.divmod(np.arange(chunks), chunks // count)
    shifts = 64 - width * (shifts + 1)
    offsets = np.zeros((len(shifts), (1 << width) + 1), dtype=np.int32)
    rows, beside = np.empty((len(shifts) - 1, size), np.int32), np.empty((len(shifts) - 1, size), np.uint64)
    fill(different, shifts, offsets, rows, beside, np.empty(1 << width, np.int32))
    none = np.zeros((count, 0), np.uint64), np.zeros(0, np.int64)
    gone, costs = np.zeros(0, np.bool_), np.ones(3 + width)
    arrays = different, starts, ids[order], gone, *none, places, shifts, offsets, rows, beside, *flips(width)
    return Layout(*together((*arrays, *bloom_filter(different, codes.shape[1] * 8), costs))), order


def bloom_filter(codes: Words, bits: int) -> tuple[Words, Words]:
    """The parts of codes (w, n) that it pays to know of, and the filter that does."""
    numbers = np.arange(bits)
    every = as_words(np.packbits([numbers * cut // bits == part for cut in CUTS for part in range(cut)], axis=1))
    parts = every[: known_parts(bits, codes.shape[1])].copy()
    bloom = np.zeros((len(parts), 1 + codes.shape[1] * BLOOM // 64), np.uint64)
    fill_bloom(codes, parts, bloom)
    return parts, bloom


def together(arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """The same arrays, but for large ones copied into one piece of memory of large pages, where the system has such.

    A search of few microseconds waits for tables of pages as long as for what is in them. NumPy asks for large pages
    too, for what of an array fills them: most of a large one.
    """
    sizes = [array.nbytes if array.nbytes < LARGE else 0 for array in arrays]
    ends = np.cumsum([-(-size // LINE) * LINE for size in sizes]).tolist()
    if ADVICE is None or ends[-1] < PAGE // 2:
        return list(arrays)
    held = mmap.mmap(-1, ends[-1] + PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held.madvise(ADVICE)
    piece, out = np.frombuffer(held, np.uint8), list(arrays)
    piece = piece[-piece.ctypes.data % PAGE :]
    for number, (array, size, start) in enumerate(zip(arrays, sizes, [0, *ends], strict=False)):
        if size:
            out[number] = piece[start : start + size].view(array.dtype).reshape(array.shape)
            out[number][...] = array
    return out


def as_words(codes: Codes) -> Words:
    """Codes uint8 (n, b / 8) as words (n, w), each with as many bytes as any other, the highest first."""
    words = np.empty((len(codes), -(-codes.shape[1] // 8)), np.uint64)
    read(np.ascontiguousarray(codes), words)
    return words


@kernel
def read(codes: Codes, words: Words) -> None:
    """Put codes into words (n, w), as `as_words` gives them."""
    for row in range(codes.shape[0]):
        read_row(codes[row], words[row], words.shape[1])


@inlined
def read_row(code: Codes, words: Words, count: int) -> None:
    """Put one code into the first `count` words."""
    each = -(-code.size // count)
    for number in range(count):
        if each == 8 and (number + 1) * each <= code.size:
            words[number] = word(code, number * each)
            continue
        value = np.uint64(0)
        for place in range(number * each, number * each + 8):
            inside = place < min((number + 1) * each, code.size)
            value = (value << np.uint64(8)) | (np.uint64(code[place]) if inside else np.uint64(0))
        words[number] = value


def as_codes(words: Words, width: int) -> Codes:
    """The inverse of `as_words`: words (w, n) as codes uint8 (n, width)."""
    each = -(-width // len(words))
    whole = np.ascontiguousarray(words.T.astype(">u8")).view(np.uint8).reshape(-1, len(words), 8)
    return np.ascontiguousarray(whole[:, :, :each].reshape(len(whole), len(words) * each)[:, :width])


@lru_cache(maxsize=4)
def flips(width: int) -> tuple[Numbers, Ids]:
    """Ways to flip bits of a chunk, fewest first, as many levels as FLIPS hold; and where each level begins."""
    values = np.arange(1 << width, dtype=np.int32)
    bits = np.bitwise_count(values)
    levels = np.concatenate(([0], np.cumsum(np.bincount(bits))))
    levels = levels[levels <= FLIPS].astype(np.int64)
    return values[np.argsort(bits, kind="stable")][: levels[-1]].copy(), levels


@kernel
def fill(codes: Words, shifts: Ids, offsets: Numbers, rows: Numbers, words: Words, free: Numbers) -> None:
    """Fill the tables of all chunks by counting; `offsets` must hold zeros, `free` (2**width,) is scratch space."""
    chunks, most = shifts.size, offsets.shape[1] - 2
    each = chunks // codes.shape[0]
    for table in range(chunks):
        word, shift, ends = codes[table // each], np.uint64(shifts[table]), offsets[table]
        for value in word:
            ends[np.int64((value >> shift) & np.uint64(most)) + 1] += 1
        for value in range(most + 1):
            ends[value + 1] += ends[value]
        if table == 0:
            continue
        for value in range(most + 1):
            free[value] = ends[value]
        for code in range(word.size):
            key = np.int64((word[code] >> shift) & np.uint64(most))
            rows[table - 1, free[key]] = code
            words[table - 1, free[key]] = word[code]
            free[key] += 1
