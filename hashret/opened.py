"""An open file: what it answers alike with a model (`Engine`) and without (`CodeFile`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from hashret.results import Hit
from hashret.searching import hits
from indexer.check import Report
from indexer.index import Index


class Opened:
    """Entries and their codes in one file; a context manager."""

    @property
    def index(self) -> Index:
        """The codes."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self.index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.index)

    def get(self, key: str) -> Hit:
        """The entry of this key, at distance 0 of itself; raises `NotFound`."""
        index = self.index
        return hits(index, index.ids([key]), [0], [1.0])[0]

    def remove(self, keys: Iterable[str]) -> int:
        """Remove entries; raises `NotFound` if a key is not there, and then removes none."""
        return self.index.remove(list(keys))

    def check(self, sample: int = 32) -> Report:
        """Prove a sample of answers by brute force, and the caches against the rows."""
        return self.index.check(sample)
