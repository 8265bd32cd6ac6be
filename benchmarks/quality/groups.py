"""What is compared: tasks of one kind, the methods that run on them, and the widths of their table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.quality import peers, tasks


@dataclass(frozen=True)
class Group:
    """A table for each of `tasks`: `methods` down, `widths` across, and `title` says what a cell is."""

    title: str
    tasks: Mapping[str, Callable[[], tasks.Task]]
    methods: Mapping[str, peers.Method]
    widths: tuple[int, ...]


GROUPS = {
    "text": Group("P@100: tie-aware / worst / asymmetric", tasks.TEXTS, peers.TEXTS, (16, 32, 64, 128)),
    "vectors": Group("10 in 100: Hamming / asymmetric", tasks.VECTORS, peers.VECTORS, (64, 128, 256)),
    "images": Group("mAP@1000: Hamming / asymmetric / mAP", tasks.IMAGES, peers.IMAGES, (16, 32, 64)),
}
