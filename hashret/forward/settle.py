"""Codes of embeddings, without torch: bits that settle until each agrees with what the others leave of the vector.

An embedding x is decoded from its code c of -1 and +1 as mean + c M. Of all codes the one wanted is low in

    E(c) = 1/2 c (G - diag G) c - f c,   G = M M^T,   f = (x - mean) F,   F = M^T + mu W,

which without W would be the nearest decoded vector, and without M the sign of a projection: M makes codes tell where x
is, W makes near vectors agree on them. Bits start between -1 and +1, as far as each is pulled when it is alone; then
one by one c_i = sign(f_i - sum_{j != i} G_ij c_j), of all values the one that is lowest in E (iterated conditional
modes, Besag 1986; Babenko and Lempitsky 2014 encode additive codes so).

For the finer score an entry is decoded as y = mean + c M + r(c), where r is what bits say together (`remainder`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashret.forward.bottleneck import ridge
from hashret.forward.remainder import Remainder
from hashret.rows import Floats, Rows, Sparse
from hashret.scores import signs
from indexer.bits import Codes

PASSES = 1  # over all bits; a second finds 0 to 1 points more of the true neighbours, at two thirds of the speed
ROUNDS = 2  # of decoder and codes in training; 4 change nothing
ANCHOR = 1.0  # mu, in units of the mean of diag G; 2: +.5 symmetric, -.3 to -3 points asymmetric
_MADE = 8192  # answers at a time: a radius may hold all that are stored
_BLOCK = 2048  # vectors at a time: a megabyte each of forces and bits stays in the cache
_GROUP = 32  # bits between two products of matrices


@dataclass(frozen=True, slots=True)
class Settled:
    """A trained model of unit vectors: `mean` (d,), `field` F (d, b) and `decoder` M (b, d), float32; and r."""

    mean: Floats
    field: Floats
    decoder: Floats
    remainder: Remainder

    def encode(self, rows: Rows) -> Codes:
        """Codes uint8 (n, b / 8) of float32 (n, d)."""
        parts = [np.packbits(bits > 0, axis=0).T for bits, _ in self._blocks(rows)]
        return np.concatenate(parts or [np.zeros((0, len(self.decoder) // 8), np.uint8)])

    def logits(self, rows: Rows) -> Floats:
        """What pulls at each bit of the settled code, float32 (n, b): f_i - sum_{j != i} G_ij c_j, with the bit's sign.

        The sign is its own but for a bit that still would turn after the last pass.
        """
        apart = _apart(self.decoder @ self.decoder.T)
        parts = [np.zeros((0, len(self.decoder)), dtype=np.float32)]
        for bits, forces in self._blocks(rows):
            codes = bits.T * 2 - 1
            pull = np.abs(forces.T - codes @ apart)
            parts.append(codes * np.maximum(pull, np.finfo(np.float32).tiny))
        return np.concatenate(parts)

    def values(self, rows: Rows) -> Floats:
        """The logits; see there."""
        return self.logits(rows)

    def reconstruct_values(self, values: Floats) -> Floats:
        """Vectors that the signs of values (n, b) stand for."""
        return self.reconstruct(values > 0)

    def reconstruct(self, bits: NDArray[Any]) -> Floats:
        """Vectors float32 (n, d) that codes of bits {0, 1} (n, b) stand for: mean + c M.

        Without r, which knows the entries it was learned from: beside these any other would look strange.
        """
        vectors: Floats = self.mean + (bits.astype(np.float32) * 2 - 1) @ self.decoder
        return vectors

    def ask(self, rows: Rows) -> tuple[Codes, Floats]:
        """Codes of queries, and their side of the asymmetric score, float32 (n, d): themselves at length 1."""
        return self.encode(rows), _unit(_dense(rows))

    def ask_by_code(self, codes: Codes) -> Floats:
        """The same side of queries of which the codes are all that is known: the decoded vectors at length 1."""
        return _unit(self._decode(signs(codes)))

    def answer(self, codes: Codes) -> Floats:
        """The entries' side of the asymmetric score, float32 (n, d), which so is the cosine with y."""
        return _unit(self._decode(signs(codes)))

    def scores(self, codes: Codes, side: Floats) -> Floats:
        """The asymmetric score of codes with one query's side (d,), float32 (n,)."""
        parts = [self.answer(codes[at : at + _MADE]) @ side for at in range(0, len(codes), _MADE)]
        return np.concatenate(parts or [np.zeros(0, np.float32)])

    def rough(self, codes: Codes, side: Floats) -> Floats:
        """The same without r, float32 (n,): with no vector made, in a tenth of the time."""
        known = signs(codes)
        squares = np.einsum("ij,ij->i", known @ (self.decoder @ self.decoder.T), known)
        squares += 2 * (known @ (self.decoder @ self.mean)) + self.mean @ self.mean
        rough: Floats = (known @ (self.decoder @ side) + self.mean @ side) / np.sqrt(np.maximum(squares, 1e-12))
        return rough

    def _decode(self, codes: Floats) -> Floats:
        """What codes of -1 and +1 stand for: y."""
        decoded: Floats = codes @ self.decoder
        decoded += self.mean
        decoded += self.remainder.decode(codes)
        return decoded

    def state(self) -> dict[str, Floats]:
        """Named arrays that restore this object."""
        return {"mean": self.mean, "field": self.field, "decoder": self.decoder, **self.remainder.state()}

    @classmethod
    def load(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Restore what `state` gave; other names are let be."""
        decoder = arrays["decoder"]
        return cls(arrays["mean"], arrays["field"], decoder, Remainder.load(arrays, *decoder.shape))

    def _blocks(self, rows: Rows) -> Iterator[tuple[Floats, Floats]]:
        """Of some vectors at a time the settled bits and the forces, both (b, n)."""
        dense, coupling, offset = _dense(rows), self.decoder @ self.decoder.T, (self.mean @ self.field)[:, None]
        for start in range(0, len(dense), _BLOCK):
            forces = self.field.T @ dense[start : start + _BLOCK].T
            forces -= offset
            yield settle(forces, coupling), forces


def anchored(centred: Floats, mean: Floats, weight: Floats) -> Settled:
    """The model of vectors (n, d) less their mean: decoder and codes by turns, from signs of a projection (d, b)."""
    values = centred @ weight
    weight = weight / max(float(np.abs(values).mean()), 1e-9)
    codes = np.where(values > 0, np.float32(1), np.float32(-1))
    for left in range(ROUNDS, -1, -1):
        decoder = ridge(codes, centred)
        coupling = decoder @ decoder.T
        field = (decoder.T + ANCHOR * np.diag(coupling).mean() * weight).astype(np.float32)
        if left:
            codes = settle(field.T @ centred.T, coupling).T * 2 - 1
    return Settled(mean, field, decoder, Remainder.none(*decoder.shape))


def settle(forces: Floats, coupling: Floats, passes: int = PASSES) -> Floats:
    """Settled bits of 0 (for -1) and 1, float32 (b, n), of the forces f (b, n) and the coupling G (b, b).

    What all bits do to a group of them is one product of matrices; the turns that bits of the group make after that
    are brought to the later ones by a product with a vector. Each bit sees what all others are when its turn comes.
    """
    apart = _apart(coupling)
    double, still = 2 * apart, apart.sum(1, keepdims=True)  # of 0 and 1: sum_j G_ij (2 b_j - 1)
    alone: Floats = np.maximum(np.diag(coupling), 1e-12)
    bits: Floats = forces / alone[:, None]
    bits += np.float32(0.5)
    np.clip(bits, 0, 1, out=bits)
    turns = np.empty((_GROUP, forces.shape[1]), dtype=np.float32)
    for first in [start for _ in range(passes) for start in range(0, len(bits), _GROUP)]:
        group = slice(first, first + _GROUP)
        pulls = double[group] @ bits
        np.subtract(forces[group], pulls, out=pulls)
        pulls += still[group]
        for number, pull in enumerate(pulls):
            if number:
                pull -= double[first + number, first : first + number] @ turns[:number]
            bit = bits[first + number]
            np.negative(bit, out=turns[number])
            np.greater(pull, 0, out=bit)
            turns[number] += bit
    return bits


def _apart(coupling: Floats) -> Floats:
    """The coupling of different bits: nothing on the diagonal."""
    return coupling * (1 - np.eye(len(coupling), dtype=np.float32))


def _unit(vectors: Floats) -> Floats:
    """Vectors at length 1; zeros stay."""
    scaled: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return scaled


def _dense(rows: Rows) -> Floats:
    """Rows of embeddings are never sparse."""
    assert not isinstance(rows, Sparse)
    return rows
