"""A set with known near duplicates: real texts, and for some of them one edited copy each.

Strengths, of every word and for words that are no stop words where swapped:

1 typos       8 % of the words mistyped
2 words       12 % dropped, 12 % swapped for a word that is used alike, 3 % mistyped
3 order       clauses shuffled, 15 % dropped, 25 % swapped
4 paraphrase  clauses shuffled and a quarter of them cut, 15 % dropped, 45 % swapped, a clause of another text added

Words that are used alike are nearest in GloVe, which no method that is compared has seen. Every original has one copy
at most, so that no copy is found by way of another. Texts that share half of their words with an earlier one are left
out before: they would be duplicates that nobody has planted.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.tasks import folder

STRENGTHS = ("typos", "words", "order", "paraphrase")
ALIKE = 0.5  # of the words of both: texts that may be duplicates as they come
LIKE, STOP = 5, 100  # words that may stand for one; commonest words, which are not swapped
CLAUSE = re.compile(r"(?<=[.,;:!?])\s+")
Likes = Mapping[str, Sequence[str]]


class Edit(NamedTuple):
    """Shares of words, or of clauses."""

    typo: float
    drop: float
    swap: float
    shuffle: bool = False
    cut: float = 0.0


EDITS = (Edit(0.08, 0, 0), Edit(0.03, 0.12, 0.12), Edit(0, 0.15, 0.25, True), Edit(0, 0.15, 0.45, True, 0.25))


@dataclass(frozen=True)
class Planted:
    """Texts in a drawn order; `origin` int64 (n,): where a copy's original is, else -1; `strength` 1 to 4 of copies."""

    texts: list[str]
    origin: NDArray[np.int64]
    strength: NDArray[np.int64]

    def pairs(self) -> dict[tuple[int, int], int]:
        """The strength of each planted pair of places, the smaller first."""
        copies = np.flatnonzero(self.origin >= 0)
        return {
            (min(copy, original), max(copy, original)): int(self.strength[copy])
            for copy, original in zip(copies.tolist(), self.origin[copies].tolist(), strict=True)
        }


def plant(texts: Sequence[str], likes: Likes, copies: int, seed: int = 0) -> Planted:
    """So many copies of each strength among the texts."""
    rng = random.Random(seed)
    chosen = rng.sample(range(len(texts)), copies * len(EDITS))
    made = [edited(texts[place], EDITS[n % 4], likes, rng.choice(texts), rng) for n, place in enumerate(chosen)]
    origin = np.append(np.full(len(texts), -1), chosen)
    strength = np.append(np.zeros(len(texts), np.int64), np.arange(len(chosen)) % 4 + 1)
    order = np.random.default_rng(seed).permutation(len(origin))
    place = np.argsort(order)
    everything = [*texts, *made]
    return Planted(
        [everything[n] for n in order], np.where(origin[order] < 0, -1, place[origin[order]]), strength[order]
    )


def edited(text: str, edit: Edit, likes: Likes, other: str, rng: random.Random) -> str:
    """A copy of a text; with `cut` it gains a clause of the other text."""
    clauses = CLAUSE.split(text)
    if edit.cut:
        clauses = [clause for clause in clauses if rng.random() >= edit.cut] or clauses
        clauses.append(rng.choice(CLAUSE.split(other)))
    if edit.shuffle:
        rng.shuffle(clauses)
    words = []
    for word in " ".join(clauses).split():
        chance = rng.random()
        if chance < edit.drop:
            continue
        if chance < edit.drop + edit.swap:
            words.append(_swapped(word, likes, rng))
        else:
            words.append(mistyped(word, rng) if chance < edit.drop + edit.swap + edit.typo else word)
    return " ".join(words) or text


def _swapped(word: str, likes: Likes, rng: random.Random) -> str:
    """A word that is used alike, written as this one is."""
    start, bare, end = re.fullmatch(r"(\W*)(.*?)(\W*)", word, re.DOTALL).groups()  # type: ignore[union-attr]
    found = likes.get(bare.lower())
    if not found:
        return word
    new = rng.choice(found)
    return start + (new.capitalize() if bare[:1].isupper() else new) + end


def mistyped(word: str, rng: random.Random) -> str:
    """Two letters swapped, or one left out, doubled, or another."""
    if len(word) < 3:
        return word
    at = rng.randrange(1, len(word) - 1)
    return rng.choice(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + rng.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :],
        )
    )


def words_of(text: str) -> list[str]:
    """Its words, as swaps and comparisons see them."""
    return re.findall(r"\w+", text.lower())


def apart(texts: Sequence[str]) -> list[str]:
    """The texts without those that have `ALIKE` of the words of both in common with an earlier one."""
    from scipy import sparse

    numbers: dict[str, int] = {}
    rows = [sorted({numbers.setdefault(word, len(numbers)) for word in words_of(text)}) for text in texts]
    lims = np.append(0, np.cumsum([len(row) for row in rows]))
    shape = len(texts), len(numbers)
    bags = sparse.csr_matrix((np.ones(lims[-1], np.float32), np.concatenate(rows), lims), shape)
    sizes = np.diff(lims)
    kept = np.ones(len(texts), bool)
    for first in range(0, len(texts), 500):
        both = (bags[first : first + 500] @ bags.T).tocoo()
        near = both.data >= ALIKE * (sizes[both.row + first] + sizes[both.col] - both.data)
        kept[(both.row + first)[near & (both.col < both.row + first)]] = False
    return [text for text, keep in zip(texts, kept, strict=True) if keep]


def glove(texts: Sequence[str]) -> dict[str, list[str]]:
    """For the words of the texts that GloVe knows, stop words left out, those that are used most alike."""
    arrays = np.load(folder() / "glove50" / "glove50.npz")
    counts = Counter(word for text in texts for word in words_of(text))
    stop = {word for word, _ in counts.most_common(STOP)}
    names = str(arrays["words_base"]).split("\n")
    kept = [n for n, word in enumerate(names) if counts[word] > 1 and word not in stop and not word.isdigit()]
    vectors = arrays["base"][kept].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    likes = {}
    for first in range(0, len(kept), 500):
        near = vectors[first : first + 500] @ vectors.T
        best = np.argpartition(-near, LIKE, axis=1)[:, : LIKE + 1]
        for n, row in enumerate(best.tolist(), first):
            likes[names[kept[n]]] = [names[kept[other]] for other in row if other != n][:LIKE]
    return likes


def agnews(part: str, copies: int, seed: int = 0) -> Planted:
    """AG News, the part "train" to tune with and the part "test" to tell of."""
    with gzip.open(folder() / "agnews20k" / "agnews.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["split"] == part]
    texts = apart([f"{row['title']} {row['text']}".strip() for row in rows])
    return plant(texts, glove(texts), copies, seed)
