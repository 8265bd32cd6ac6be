"""The experiment of Salakhutdinov and Hinton (2007; IJAR 50, 2009, figures 6 to 8) on 20 Newsgroups by date.

    python -m benchmarks.quality.origin [--seeds 0] [--table]

Every test post asks for the other test posts of its group; codes and word weights are learned from the train posts.
Precision at nine levels of recall, in two preparations of the text: without headers, and without headers, footers and
quotes. Their 20-bit codes, used as addresses whose ball of radius 4 is the shortlist, are here the first 20 of 24 bits.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import address
from benchmarks.quality.peers.shallow import as_scipy
from benchmarks.quality.plot import charts
from benchmarks.quality.results import RESULTS, Codes, Run, as_signs, load, make, write
from benchmarks.quality.scoring import blocks
from benchmarks.quality.tasks import posts
from hashret.evaluate import precision_at_recall, within
from hashret.features import Text
from hashret.hasher import Hasher
from hashret.scores import combined
from hashret.settings import Settings

Floats = NDArray[np.float32]
RECALLS = (0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512)
PREPARED = {"no-headers": ("header",), "no-headers-footers-quotes": ("header", "footer", "quoting")}
PUBLISHED = {  # their figures 6 and 7, read off the vector graphics; 2,000 stemmed words, headers not mentioned
    "2007: 128-bit codes": (69.3, 62.6, 54.5, 47.4, 41.9, 36.3, 29.7, 20.4),
    "2007: tf-idf": (72.9, 65.3, 55.6, 46.5, 39.6, 33.0, 25.6, 15.8),
    "2007: 100 nearest codes, tf-idf order": (75.2, 69.1, 60.7, 52.4, 45.0, 37.2, 29.7, 20.4),
}
BITS = (128, address.STORED)


def learn(prepared: str, bits: int, seed: int) -> Codes:
    """Codes of the test posts by a model of the train posts."""
    parts = posts(PREPARED[prepared])
    hasher = Hasher.fit(parts["train"][0], Settings(bits=bits, seed=seed))
    return Codes.learned(hasher, parts["test"][0], parts["test"][0])


@cache
def words(prepared: str) -> tuple[Any, NDArray[np.int64]]:
    """Unit-length tf-idf rows of the test posts, weights from the train posts, and the posts' groups."""
    parts = posts(PREPARED[prepared])
    texts, groups = parts["test"]
    return as_scipy(Text.fit(parts["train"][0], Settings()).transform(texts)), groups


def ahead(first: NDArray[np.bool_], scores: Floats, rest: Floats) -> Floats:
    """Distances by which `first` come first, by `scores`, and the others behind them, by `rest`; all within -2 to 2."""
    return -np.where(first, scores + 8, rest)


def rankings(cosines: Floats, hamming: Floats, soft: Floats) -> dict[str, Floats]:
    """Distances (q, n) of each way to rank, from tf-idf cosines, distances in bits, and asymmetric scores."""
    both = combined("text", cosines, soft)
    near = hamming <= np.partition(hamming, 299, axis=1)[:, 299:300]
    return {
        "tf-idf cosine": -cosines,
        "128-bit codes, Hamming": hamming,
        "128-bit codes, asymmetric": -soft,
        "tf-idf + asymmetric, all posts": -both,
        "the same on the 300 nearest codes": ahead(near, both, soft),
        "tf-idf on the 300 nearest codes": ahead(near, cosines, soft),
    }


def scored(prepared: str, codes: Codes) -> Iterator[tuple[Floats, Floats, Floats, NDArray[np.bool_]]]:
    """Blocks of cosines, distances, asymmetric scores and relevance, each (block, n - 1): no post finds itself."""
    rows, groups = words(prepared)
    signs = as_signs(codes.codes)
    for block in blocks(len(groups), len(groups)):
        values = codes.queries[block]
        own = np.arange(len(groups))[block, None] != np.arange(len(groups))

        def others(table: NDArray[Any], own: NDArray[np.bool_] = own) -> NDArray[Any]:
            return table[own].reshape(len(own), -1)

        cosines = (rows[block] @ rows.T).toarray()
        hamming = (signs.shape[1] - np.where(values > 0, np.float32(1), np.float32(-1)) @ signs.T) / 2
        soft = values @ signs.T / np.maximum(np.abs(values).sum(1, keepdims=True), 1e-9)
        yield others(cosines), others(hamming), others(soft), others(groups[block, None] == groups)


def precision(prepared: str, codes: Codes) -> dict[str, NDArray[np.float64]]:
    """Precision in percent at each level of recall, for each way to rank."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for cosines, hamming, soft, relevant in scored(prepared, codes):
        for name, distances in rankings(cosines, hamming, soft).items():
            found.setdefault(name, []).append(precision_at_recall(distances, relevant, RECALLS))
    return {name: 100 * np.nanmean(np.concatenate(parts), axis=0) for name, parts in found.items()}


def table(prepared: str, found: dict[str, NDArray[np.float64]]) -> str:
    """The curves of one preparation, the published ones below, as a table."""
    lines = [f"| {prepared}; precision % at recall % | {' | '.join(f'{100 * level:.1f}' for level in RECALLS)} |"]
    lines.append("|---" * (len(RECALLS) + 1) + "|")
    for name, values in [*found.items(), *PUBLISHED.items()]:
        lines.append(f"| {name} | {' | '.join(f'{value:.1f}' for value in values)} |")
    return "\n".join(lines)


def ball(prepared: str, codes: Codes) -> tuple[NDArray[np.float64], list[str]]:
    """tf-idf's curve within the ball of addresses, and the ball's own figures as cells of a table."""
    curve, inside = [], []
    for block, (cosines, _, _, relevant) in zip(
        blocks(len(codes.codes), len(codes.codes)), scored(prepared, codes), strict=True
    ):
        near = address.near(codes, block)
        curve.append(precision_at_recall(ahead(near, cosines, 0 * cosines), relevant, RECALLS))
        inside.append(np.stack(within(~near, relevant, 0)))
    precise, recalled, share = np.nanmean(np.concatenate(inside, axis=1), axis=1)
    cells = [f"{share:.1%}", f"{precise:.3f}", f"{recalled:.3f}", f"{1000 * address.seconds(codes):.2f} ms"]
    return 100 * np.nanmean(np.concatenate(curve), axis=0), cells


def main() -> None:
    """Learn what is not stored, then write the tables and the plot."""
    parser = argparse.ArgumentParser(description="The experiment of 2007")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--force", action="store_true", help="learn again what is stored")
    options = parser.parse_args()
    balls = [
        "| 20-bit addresses, radius 4 | share of the posts | precision | recall | time a query |",
        "|---" * 5 + "|",
    ]
    found = {}
    for prepared in PREPARED:
        runs = {bits: Run("origin", prepared, bits, options.seed) for bits in BITS}
        for bits, run in runs.items():
            make(run, lambda prepared=prepared, bits=bits: learn(prepared, bits, options.seed), options.force)
        found[prepared] = precision(prepared, load(runs[BITS[0]])[0])
        found[prepared]["tf-idf within the ball of 20-bit codes"], cells = ball(prepared, load(runs[BITS[1]])[0])
        balls.append(f"| {prepared} | {' | '.join(cells)} |")
    tables = [table(prepared, lines) for prepared, lines in found.items()]
    write("origin", "\n\n".join([*tables, "\n".join(balls)]))
    panels = {f"20 Newsgroups, test posts among test posts, {name}": {**found[name], **PUBLISHED} for name in found}
    (RESULTS / "origin.svg").write_text(charts([f"{100 * level:.1f}" for level in RECALLS], panels), encoding="utf-8")


if __name__ == "__main__":
    main()
