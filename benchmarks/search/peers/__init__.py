"""Every method of the benchmark by name."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from benchmarks.search.peers.faiss import Flat, Hash, Hnsw, Ivf, MultiHash
from benchmarks.search.peers.hammingbird import Hammingbird
from benchmarks.search.peers.ours import Hashret
from benchmarks.search.peers.peer import Call, Peer
from benchmarks.search.peers.scan import NumPyScan
from benchmarks.search.peers.sqlite_vec import SqliteVec
from benchmarks.search.peers.usearch import Usearch

OURS, YARDSTICK = "hashret", "faiss-flat"
METHODS: dict[str, type[Peer]] = {
    OURS: Hashret,
    YARDSTICK: Flat,
    "faiss-multihash": MultiHash,
    "faiss-hash": Hash,
    "faiss-ivf": Ivf,
    "faiss-hnsw": Hnsw,
    "hammingbird": Hammingbird,
    "usearch-hnsw": Usearch,
    "sqlite-vec": SqliteVec,
    "numpy": NumPyScan,
}


def release(library: str) -> str:
    """The version of an installed library."""
    try:
        return version(library)
    except PackageNotFoundError:
        return "unknown"


__all__ = ["METHODS", "OURS", "YARDSTICK", "Call", "Peer", "release"]
