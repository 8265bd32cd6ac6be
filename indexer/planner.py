"""The planner: which way answers a question soonest. Pure arithmetic on what is known beforehand, no input or output.

bucket  one look-up of the code in the database
flips   look-ups of every code within the radius, made by flipping bits; nothing is loaded
scan    all codes in memory, compared by FAISS

Every way gives the same complete answer, so a wrong guess costs time and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from indexer.bits import ball_size

# Microseconds, measured on one core of a 2024 server with a million clustered 64-bit codes.
LOOKUP = 40.0  # a connection and one look-up by code through SQLAlchemy: 36
PROBE = 0.56  # each further code of an IN list: 911 for 2,081 and 24,505 for 43,745
IMPORT = 150_000.0  # importing faiss in a fresh process
LOAD = 0.45e-3  # a byte of packed segments into memory: 3,600 for 8 MB
BYTE = 0.07e-3  # a byte of codes compared by FAISS: 559 for 8 MB
CALL = 15.0  # a call of FAISS and the ordering of its answer
MOST_PROBES = 200_000  # more flips than this are never made: their masks alone would be megabytes


@dataclass(frozen=True, slots=True)
class Plan:
    """The `way` to go, how many codes it looks up or compares a query (`probes`), and its `cost` in microseconds."""

    way: str
    probes: int
    cost: float
    why: str

    def __str__(self) -> str:
        return f"{self.way}: {self.why}; about {_time(self.cost)}"


def plan(entries: int, bits: int, queries: int, radius: int | None, *, resident: bool) -> Plan:
    """The cheapest way to answer `queries` questions over `entries` codes.

    `radius` in bits, or None for the k nearest; `resident` says whether the codes are in memory already.
    """
    size = entries * bits // 8
    scan_cost = queries * (CALL + BYTE * size) + (0.0 if resident else IMPORT + LOAD * size)
    held = "in memory" if resident else "to be loaded"
    scan = Plan("scan", entries, scan_cost, f"all {entries:,} codes ({_bytes(size)}, {held}) are compared")
    if radius is None:
        return scan
    probes = ball_size(bits, radius)
    if probes == 1:
        cost = queries * LOOKUP
        look = Plan("bucket", 1, cost, "one look-up of the code in the database, nothing is loaded")
    else:
        cost = queries * (LOOKUP + PROBE * probes)
        look = Plan("flips", probes, cost, f"{probes:,} codes within {radius} flipped bits are looked up")
    if probes <= MOST_PROBES and look.cost <= scan.cost:
        return look
    instead = f"; looking up {probes:,} codes would take {_time(look.cost)}" if probes <= 10**12 else ""
    return Plan("scan", entries, scan.cost, scan.why + instead)


def _time(microseconds: float) -> str:
    """A duration for a person."""
    for limit, factor, unit in ((1e3, 1, "µs"), (1e6, 1e3, "ms")):
        if microseconds < limit:
            return f"{microseconds / factor:.0f} {unit}"
    return f"{microseconds / 1e6:.1f} s"


def _bytes(size: float) -> str:
    """A number of bytes for a person."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
