"""Processes that compute on one thread, and what a measure takes of the machine.

Libraries read how many threads they may have when they are imported, so a process that has more starts anew.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
ALONE = {**dict.fromkeys(THREADS, "1"), "TOKENIZERS_PARALLELISM": "false"}


def one_thread(module: str) -> None:
    """Start this process anew as `python -m MODULE` with the same arguments, unless it has one thread already."""
    if any(os.environ.get(name) != value for name, value in ALONE.items()):
        os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], {**os.environ, **ALONE})


def fresh(module: str, *arguments: str, capture: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE` to its end in a process of one thread; what it prints is captured, its errors shown."""
    command, out = [sys.executable, "-m", module, *arguments], subprocess.PIPE if capture else None
    return subprocess.run(command, stdout=out, text=True, check=False, env={**os.environ, **ALONE})


def resident() -> float:
    """Megabytes of memory this process holds now; 0 where the system does not tell."""
    gc.collect()
    status = Path("/proc/self/statm")
    if not status.exists():
        return 0.0
    ctypes.CDLL(None).malloc_trim(0)  # what was let go counts as gone
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def machine() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.machine()


def percentiles(times: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th percentile, in microseconds, of durations in seconds."""
    ordered = sorted(times)
    return tuple(round(ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1e6, 2) for part in (0.5, 0.99))
