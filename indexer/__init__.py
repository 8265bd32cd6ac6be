"""indexer: binary codes in, ids out, exactly. It knows bits and nothing of what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.index import Index
    from indexer.matches import Matches, Pairs, RangeMatches

__all__ = ["Index", "Matches", "Pairs", "RangeMatches"]


def __getattr__(name: str) -> object:
    """Import `Index` and its answers when first asked for: `import indexer` loads neither sqlalchemy nor faiss."""
    if name not in __all__:
        raise AttributeError(f"module 'indexer' has no attribute {name!r}")
    from indexer import index

    return getattr(index, name)
