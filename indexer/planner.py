"""The planner: which way answers a question soonest. Pure arithmetic on what is known beforehand, no input or output.

bucket       one look-up of the code in the database
flips        look-ups of every code within the radius, made by flipping bits; nothing is loaded
scan         all codes in memory, compared one by one
multi-index  codes in memory that agree with the query in a part of their bits, nearly or wholly

Every way gives the same complete answer, so a wrong guess costs time and nothing else.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import comb, exp, log, log2, sqrt

from indexer.bits import ball_size

# Microseconds, measured on one core of a 2024 server with a million clustered 64-bit codes.
LOOKUP = 40.0  # a connection and one look-up by code through SQLAlchemy: 36
PROBE = 0.56  # each further code of an IN list: 911 for 2,081 and 24,505 for 43,745
IMPORT = 150_000.0  # importing faiss in a fresh process
LOAD = 0.45e-3  # a byte of packed segments into memory: 3,600 for 8 MB
BYTE = 0.07e-3  # a byte of codes compared by FAISS: 559 for 8 MB
CALL = 15.0  # a call of FAISS and the ordering of its answer
MOST_PROBES = 200_000  # more flips than this are never made: their masks alone would be megabytes
TABLES = 1_500_000.0  # importing numba and its compiled kernels, and laying out a million codes
KERNEL = 4.0  # a call of a kernel and the arrays around it
DIRECT = 0.6  # the same with nothing in between, for one query
QUICK = 100_000.0  # nanoseconds of a search that other threads may be kept waiting for: Python has them wait for 5 ms
NARROW, WIDE = 16, 22  # at most so many bits a chunk, of few codes and of many
MANY = 1 << 22  # different codes: buckets of 16 bits would hold more than 64
FLIPS = 1 << 16  # ways to flip bits of a chunk that are kept
CUTS = 1, 2, 4  # parts of a code that a filter knows of
BLOOM = 6  # its bits for each code and part
RARE = 8  # of the values of a part at most one in 2**RARE is to be there: else most are, and there is nothing to know
RESULT = 60.0  # nanoseconds of a result, by whichever way it was found


@dataclass(frozen=True, slots=True)
class Plan:
    """The `way` to go, what a query then takes, and why.

    `probes` are codes or parts of them that are looked up, `candidates` codes that are compared; `cost` is foreseen
    and `measured` found (None if it was not tried), both in microseconds for all queries.
    """

    way: str
    probes: int
    candidates: int
    cost: float
    why: str
    measured: float | None = None

    def __str__(self) -> str:
        found = "" if self.measured is None else f", measured {duration(self.measured)}"
        looked = f"{self.probes:,} probes and {self.candidates:,} candidates a query"
        return f"{self.way}: {self.why}; {looked}, about {duration(self.cost)}{found}"


@dataclass(frozen=True, slots=True)
class Costs:
    """What `indexer.calibrate` measured over so many entries.

    Nanoseconds of a probe, of a candidate and of a scan, and candidates a probe meets at each level.
    `nearest` holds, for a few k: k, within how many bits half the queries have their k-th nearest, and nearly all, and
    the time of a search in nanoseconds.
    """

    entries: int
    probe: float
    candidate: float
    scan: float
    met: tuple[float, ...]
    nearest: tuple[tuple[int, int, int, float], ...]

    def steps(self, chunks: int, width: int, radius: int) -> tuple[float, float]:
        """Probes and candidates of all steps that a radius takes; see `indexer.kernels.probe`."""
        level, rest = divmod(radius, chunks)
        counts = [comb(width, flips) * (chunks if flips < level else rest + 1) for flips in range(level + 1)]
        met = [*self.met, *[self.met[-1]] * len(counts)]
        return float(sum(counts)), sum(count * here for count, here in zip(counts, met, strict=False))

    def probing(self, chunks: int, width: int, radius: int) -> float:
        """Nanoseconds of probing for all within a radius."""
        probes, candidates = self.steps(chunks, width, radius)
        return self.probe * probes + self.candidate * candidates + RESULT * self.results(radius)

    def scanning(self, radius: int) -> float:
        """Nanoseconds of a scan for all within a radius."""
        return self.scan + RESULT * self.results(radius)

    def results(self, radius: int) -> float:
        """How many are expected within a radius: they go on growing as from one k to the next."""
        (few, near, *_), (many, far, *_) = self.nearest[-2:]
        growth = log(many / few) / max(1, far - near)
        return min(self.entries, many * exp(min(growth * (radius - far), 20.0)))

    def searching(self, k: int) -> float:
        """Nanoseconds of a search for the k nearest: between those measured by the logarithm of k."""
        last, *_, time = self.nearest[-1]
        return _between([(many, time) for many, *_, time in self.nearest], k) if k < last else time * sqrt(k / last)

    @lru_cache(maxsize=64)  # noqa: B019 - as long as the table, which is as long as the process
    def reach(self, k: int) -> tuple[int, int]:
        """Within how many bits the k-th nearest is of half the queries, and of nearly all."""
        halves, most = ([(many, both[place]) for many, *both, _ in self.nearest] for place in (0, 1))
        return round(_between(halves, k) + 0.49), round(_between(most, k) + 0.49)


def _between(points: Sequence[tuple[int, float]], k: int) -> float:
    """The value for k, given those of a few k: along straight lines over the logarithm of k."""
    logs, values = [log(many) for many, _ in points], [value for _, value in points]
    place = min(bisect(logs, log(k)), len(points) - 1)
    slope = (values[place] - values[place - 1]) / (logs[place] - logs[place - 1])
    return values[place] + slope * (log(k) - logs[place])


def chunking(bits: int, codes: int) -> tuple[int, int]:
    """Into how many chunks, of how many bits, each of so many different codes is cut; see `indexer.kernels.layout`."""
    words = -(-bits // 64)
    each = -(-bits // 8 // words) * 8
    chunks = -(-each // (NARROW if codes < MANY else WIDE))
    return words * chunks, each // chunks


def table_bytes(entries: int, bits: int, codes: int) -> int:
    """Bytes in memory of the tables of so many entries, of so many different codes."""
    chunks, width = chunking(bits, codes)
    each_code = 8 * -(-bits // 64) + 4 + 12 * (chunks - 1)
    filters = known_parts(bits, codes) * codes * BLOOM // 8
    return codes * each_code + entries * (8 + 4) + chunks * (4 << width) + filters


def known_parts(bits: int, codes: int) -> int:
    """How many parts of codes a filter knows of, if so many codes are different; see `indexer.kernels.bloom`."""
    return sum(cut for cut in CUTS if bits / cut >= log2(max(1, codes)) + RARE)


def plan(entries: int, bits: int, queries: int, radius: int | None, *, resident: bool) -> Plan:
    """The cheapest way to answer `queries` questions over `entries` codes while there are no tables in memory.

    `radius` in bits, or None for the k nearest; `resident` says whether the codes are in memory already.
    """
    size = entries * bits // 8
    scan_cost = queries * (CALL + BYTE * size) + (0.0 if resident else IMPORT + LOAD * size)
    held = "in memory" if resident else "to be loaded"
    scan = Plan("scan", 0, entries, scan_cost, f"all {entries:,} codes ({_bytes(size)}, {held}) are compared")
    if radius is None:
        return scan
    probes = ball_size(bits, radius)
    if probes == 1:
        cost = queries * LOOKUP
        look = Plan("bucket", 1, 1, cost, "one look-up of the code in the database, nothing is loaded")
    else:
        cost = queries * (LOOKUP + PROBE * probes)
        look = Plan("flips", probes, probes, cost, f"{probes:,} codes within {radius} flipped bits are looked up")
    if probes <= MOST_PROBES and look.cost <= scan.cost:
        return look
    instead = f"; looking up {probes:,} codes would take {duration(look.cost)}" if probes <= 10**12 else ""
    return replace(scan, why=scan.why + instead)


def plan_tables(costs: Costs, shape: tuple[int, int, int], queries: int, k: int | None, radius: int | None) -> Plan:
    """The way to go with tables in memory, of `shape` (codes, chunks, bits a chunk); k or radius is None."""
    codes, chunks, width = shape
    if radius is None:
        reach, why = costs.reach(k or 1)[0], f"the {k} nearest are expected within {costs.reach(k or 1)[0]} bits"
        probing = scanning = costs.searching(k or 1)
    else:
        reach, why = radius, f"all within {radius} bits"
        probing, scanning = costs.probing(chunks, width, radius), costs.scanning(radius)
    if reach // chunks >= len(costs.met) or probing > scanning:
        cost = queries * (KERNEL + scanning / 1000)
        return Plan("scan", 0, codes, cost, f"all {codes:,} different codes are compared")
    probes, candidates = costs.steps(chunks, width, reach)
    why += f", {chunks} chunks of {width} bits are looked up with up to {reach // chunks} of them flipped"
    call = DIRECT if queries == 1 and k is None and probing < QUICK else KERNEL
    return Plan("multi-index", round(probes), round(candidates), queries * (call + probing / 1000), why)


def scans(costs: Costs, chunks: int, width: int, bits: int) -> tuple[bool, ...]:
    """For each radius from 0 to `bits` whether a scan is cheaper than probing."""
    radii = range(bits + 1)
    return tuple(
        radius // chunks >= len(costs.met) or costs.probing(chunks, width, radius) > costs.scanning(radius)
        for radius in radii
    )


def quick(costs: Costs, chunks: int, width: int, scanned: Sequence[bool]) -> int:
    """The largest radius that is probed for in so short a time that other threads may be kept waiting; or -1."""
    radius = 0
    while radius < len(scanned) and not scanned[radius] and costs.probing(chunks, width, radius) < QUICK:
        radius += 1
    return radius - 1


def pays_off(entries: int, bits: int, queries: int) -> bool:
    """Whether so many queries cost more by a scan than it takes to make tables for them first."""
    return queries * (CALL + BYTE * entries * bits / 8) > TABLES * max(1.0, entries / 1e6)


def duration(microseconds: float) -> str:
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
