"""What `Engine` answers: small frozen records, and nothing that they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from indexer.planner import Plan, duration


@dataclass(slots=True)  # frozen, each takes a microsecond to make in place of a quarter
class Hit:
    """One answer: `distance` in bits, `score` higher is better, `content` None for images and embeddings."""

    key: str
    distance: int
    score: float
    content: str | None
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An entry and its `error` (see `Hasher.error`); `quantile` of the training entries come back better, 0 to 1."""

    key: str
    error: float
    quantile: float
    content: str | None
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """What one `add` did, in entries."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.added + other.added, self.updated + other.updated, self.unchanged + other.unchanged)


@dataclass(frozen=True, slots=True)
class Group:
    """An entry that is kept, and its duplicates, whose distances and scores are to it; by id."""

    kept: Hit
    copies: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two near duplicates, `distance` in bits; of the same file, or `other` of another."""

    key: str
    other: str
    distance: int
    similarity: float
    content: str | None
    other_content: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a question is answered: by which `plan` codes are found, and how these are then put in order.

    For each query so many codes are `compared` with its real values, and so many texts or vectors `read`: means, both 0
    without reranking. `measured` is the time of all of it, in microseconds for all queries.
    """

    plan: Plan
    compared: float
    read: float
    measured: float

    def __str__(self) -> str:
        if not self.compared:
            return str(self.plan)
        read = f", and what is stored of the best {self.read:,.0f} is read" if self.read else ""
        compared = f"{self.compared:,.0f} codes are compared with a query's real values{read}"
        return f"{self.plan}\nrerank: {compared}; measured {duration(self.measured)}, with the search"
