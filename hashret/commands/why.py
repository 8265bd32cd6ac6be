"""Printing why hits are hits: a small table a hit and one of what their bits mean, or all of it as fields of JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from hashret.shell import output

if TYPE_CHECKING:
    from hashret.meaning.bits import Bit, Side
    from hashret.meaning.why import Compared, Why
    from hashret.results import Hit

SHOWN = 5  # bits of a hit on a terminal
Explained = tuple[str, "list[Hit]", "list[Why]"]


def row(query: str, rank: int, hit: Hit, why: Why) -> output.Row:
    """A hit and its reasons as one row."""
    reasons = {
        "codes": why.codes,
        "words": why.words,
        "shared": {one.word: one.share for one in why.shared},
        "differing": [_compared(one) for one in why.differing],
        "agreeing": [_compared(one) for one in why.agreeing],
    }
    return {
        "query": query,
        "rank": rank,
        **{item.name: getattr(hit, item.name) for item in fields(hit)},
        "why": reasons,
    }


def tables(results: Sequence[Explained]) -> None:
    """Every hit with the bits that the query is most sure of among those that differ, then what these bits mean."""
    seen: dict[int, Bit] = {}
    for query, hits, whys in results:
        for rank, (hit, why) in enumerate(zip(hits, whys, strict=True), 1):
            differing = why.differing[:SHOWN]
            seen |= {one.bit.number: one.bit for one in differing}
            rows = [
                {
                    "bit": one.bit.number,
                    "weight": one.weight,
                    "query": _end(one.query, one.query_words, one.bit),
                    "hit": _end(one.hit, one.hit_words, one.bit),
                }
                for one in differing
            ]
            output.table(rows, _title(query, rank, hit, why))
    if seen:
        output.table([_meant(seen[number]) for number in sorted(seen)], "what these bits mean")


def _title(query: str, rank: int, hit: Hit, why: Why) -> str:
    """What stands above the bits of a hit."""
    count = len(why.differing)
    differ = "no bit differs" if not count else f"{count} bit{'s differ' if count > 1 else ' differs'}"
    if count > SHOWN:
        differ += f", here the {SHOWN} that the query is surest of"
    lines = [f"{query}: {rank}. {hit.key}", f"score {hit.score:.3f}, codes {why.codes:.3f}; {differ}"]
    if why.words is not None:
        shared = ", ".join(f"{one.word} {one.share:.3f}" for one in why.shared) or "none"
        lines[1] = f"score {hit.score:.3f}, words {why.words:.3f}, codes {why.codes:.3f}; {differ}"
        lines.append(f"shared words: {shared}")
    return "\n".join(lines)


def _end(value: int, words: tuple[str, ...], bit: Bit) -> str:
    """A value of a bit and what it comes from, of contents without words what it means."""
    return f"{value}: {' '.join(words) or label(bit.side(value))}"


def label(side: Side) -> str:
    """What a side of a bit means, in a few words."""
    return ", ".join(side.terms) or (f"as {', '.join(side.keys[:3])}" if side.keys else "nothing")


def _meant(bit: Bit) -> output.Row:
    """A bit as a row of a table."""
    figures = {"bit": bit.number, "ones": bit.ones, "entropy": bit.entropy, "clarity": bit.clarity}
    return {**figures, "means 1": label(bit.on), "means 0": label(bit.off)}


def _compared(one: Compared) -> dict[str, Any]:
    """A compared bit as fields."""
    bit = one.bit
    return {
        "bit": bit.number,
        "query": one.query,
        "hit": one.hit,
        "weight": one.weight,
        "query_words": one.query_words,
        "hit_words": one.hit_words,
        "ones": bit.ones,
        "entropy": bit.entropy,
        "clarity": bit.clarity,
        "query_side": bit.side(one.query).terms or bit.side(one.query).keys,
        "hit_side": bit.side(one.hit).terms or bit.side(one.hit).keys,
    }
