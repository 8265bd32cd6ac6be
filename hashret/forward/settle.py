"""Codes of embeddings, without torch: bits that settle until each agrees with what the others leave of the vector.

An embedding x is decoded from its code c of -1 and +1 as mean + c M. Of all codes the one wanted is low in

    E(c) = 1/2 c (G - diag G) c - f c,   G = M M^T,   f = (x - mean) F,   F = M^T + mu W,

which without W would be the nearest decoded vector, and without M the sign of a projection: M makes codes tell where x
is, W makes near vectors agree on them. Bits start between -1 and +1, as far as each is pulled when it is alone; then
one by one c_i = sign(f_i - sum_{j != i} G_ij c_j), of all values the one that is lowest in E (iterated conditional
modes, Besag 1986; Babenko and Lempitsky 2014 encode additive codes so).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashret.forward.bottleneck import ridge
from hashret.rows import Floats, Rows, Sparse
from hashret.scores import signs
from indexer.bits import Codes, unpack

PASSES = 1  # over all bits; a second finds 0 to 1 points more of the true neighbours, at two thirds of the speed
ROUNDS = 2  # of decoder and codes in training; 4 change nothing
ANCHOR = 1.0  # mu, in units of the mean of diag G; 2: +.5 symmetric, -.3 to -3 points asymmetric
_BLOCK = 2048  # vectors at a time: a megabyte each of forces and bits stays in the cache
_GROUP = 32  # bits between two products of matrices


@dataclass(frozen=True, slots=True)
class Settled:
    """A trained linear model: `mean` (d,), `field` F (d, b) and `decoder` M (b, d), all float32, of unit vectors."""

    mean: Floats
    field: Floats
    decoder: Floats

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
        """Vectors float32 (n, d) that codes of bits {0, 1} (n, b) stand for."""
        vectors: Floats = self.mean + (bits.astype(np.float32) * 2 - 1) @ self.decoder
        return vectors

    def ask(self, rows: Rows) -> tuple[Codes, Floats]:
        """Codes of queries, and their side of the asymmetric score, float32 (n, b + 1): <x, mean>, x F / 2 at |x| = 1.

        The score is <x, mean + F c / 2> over the length of mean + c M: about -1 to 1, and the cosine with the decoded
        entry were F = 2 M^T. That it leans on W as codes do is worth .9 points of recall on MiniLM, -.3 on GloVe.
        """
        return self.encode(rows), self._asking(_dense(rows))

    def ask_by_code(self, codes: Codes) -> Floats:
        """The same side of queries of which the codes are all that is known, float32 (n, b + 1)."""
        return self._asking(self.reconstruct(unpack(codes)))

    def _asking(self, vectors: Floats) -> Floats:
        """See `ask`."""
        sides = np.concatenate([vectors @ self.mean[:, None], vectors @ self.field / 2], axis=1)
        scaled: Floats = sides / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return scaled

    def answer(self, codes: Codes) -> Floats:
        """The entries' side of the asymmetric score, float32 (n, b + 1): 1 and the code over the decoded length."""
        lengths = np.linalg.norm(self.reconstruct(unpack(codes)), axis=1, keepdims=True)
        sides = np.concatenate([np.ones_like(lengths), signs(codes)], axis=1)
        scaled: Floats = sides / np.maximum(lengths, 1e-9)
        return scaled

    def state(self) -> dict[str, Floats]:
        """Named arrays that restore this object."""
        return {"mean": self.mean, "field": self.field, "decoder": self.decoder}

    @classmethod
    def load(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Restore what `state` gave; other names are let be."""
        return cls(arrays["mean"], arrays["field"], arrays["decoder"])

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
    return Settled(mean, field, decoder)


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


def _dense(rows: Rows) -> Floats:
    """Rows of embeddings are never sparse."""
    assert not isinstance(rows, Sparse)
    return rows
