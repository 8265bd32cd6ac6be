"""What surely is not there: a Bloom filter of codes, of their halves and of their quarters.

A code within r bits of a query agrees with it wholly in one of r + 1 parts. Where no code has any of them nothing is
within reach, and that takes a word of memory for each part, in so few words that they are near while the tables are
far. A part sets two bits of one word (Bloom 1970; in one word: Putze, Sanders and Singler 2007), so one that is not
there looks as if it were in a case of twelve.
"""

from __future__ import annotations

import numpy as np

from indexer.bits import Words
from indexer.kernels.native import inlined, kernel

ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio
HALF, PLACE, PLACES = (np.uint64(number) for number in (32, 63, 6))  # of a word; of 64 bits one, and bits to tell which


@kernel
def fill_bloom(codes: Words, parts: Words, bloom: Words) -> None:
    """Put codes (w, n) into a filter (p, s), by their parts (p, w); while others read it, too."""
    words = codes.T
    for part in range(parts.shape[0]):
        for code in range(words.shape[0]):
            key = _key(words[code], parts[part])
            bloom[part, _word(key, bloom.shape[1])] |= _bits(key)


@inlined
def absent(bloom: Words, parts: Words, words: Words, radius: int) -> bool:
    """Whether surely nothing is within a radius of a query (w,); False where that takes smaller parts than there are.

    Parts are 1, 2, 4 in a row.
    """
    cut = np.int64(1)
    while cut <= radius:
        cut *= 2
    first, surely = cut - 1, cut + radius <= parts.shape[0]
    if surely:
        for part in range(first, first + radius + 1):
            key = _key(words, parts[part])
            bits = _bits(key)
            if bloom[part, _word(key, bloom.shape[1])] & bits == bits:
                surely = False
                break
    return surely


@inlined
def _key(words: Words, part: Words) -> int:
    """The bits of a part, scattered over a word."""
    key = np.uint64(0)
    for number in range(part.size):
        key = (key ^ (words[number] & part[number])) * ODD
        key ^= key >> HALF
    key *= ODD
    return key ^ (key >> HALF)


@inlined
def _word(key: int, words: int) -> int:
    """The number of its word, of so many."""
    return np.int64(((key >> HALF) * np.uint64(words)) >> HALF)


@inlined
def _bits(key: int) -> int:
    """Its bits there."""
    return np.uint64(1) << (key & PLACE) | np.uint64(1) << ((key >> PLACES) & PLACE)
