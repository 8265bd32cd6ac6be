"""hashret: learned binary codes and exact Hamming search for your own texts, images and embeddings, in one file."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashret import evaluate
    from hashret.engine import Engine
    from hashret.hasher import Hasher
    from hashret.inputs import Entry, entries
    from hashret.results import Hit
    from hashret.settings import Settings
    from indexer.errors import HashretError
    from indexer.index import Index

__all__ = ["Engine", "Entry", "Hasher", "HashretError", "Hit", "Index", "Settings", "entries", "evaluate"]
__version__ = "0.1.0"

_HOMES = {
    "Engine": "hashret.engine",
    "Entry": "hashret.inputs",
    "HashretError": "indexer.errors",
    "Hasher": "hashret.hasher",
    "Hit": "hashret.results",
    "Index": "indexer.index",
    "Settings": "hashret.settings",
    "entries": "hashret.inputs",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: `import hashret` itself loads nothing heavy."""
    if name == "evaluate":
        return import_module("hashret.evaluate")
    if name not in _HOMES:
        raise AttributeError(f"module 'hashret' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
