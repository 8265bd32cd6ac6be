"""What is told on standard error besides the answer: notes, details with -v, and with -q neither these nor progress.

Details come from `logging`: modules tell what they do by loggers of their own names, which nobody hears but with -v, or
where a program that uses hashret turns them on. Each line begins with the seconds since the command began.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from hashret.shell import environment

Command = TypeVar("Command", bound=Callable[..., Any])
QUIET, VERBOSE = "hashret.quiet", "hashret.verbose"  # in the context's meta, which a group and its command share
VERSIONS = ("click", "numpy", "faiss-cpu", "numba", "sqlalchemy", "tokenizers", "torch")
log = logging.getLogger(__name__)


def note(text: str) -> None:
    """Tell something that is no part of the answer, unless -q was given."""
    if not quiet():
        click.echo(text, err=True)


def quiet() -> bool:
    """Whether -q was given."""
    return _given(QUIET)


def verbose() -> bool:
    """Whether -v was given."""
    return _given(VERBOSE)


def _given(name: str) -> bool:
    """Whether this was set for the running command."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(name))


def options(short: bool = False) -> list[click.Option]:
    """The options -v and -q; with `short` variables HASHRET_VERBOSE and HASHRET_QUIET set them."""

    def option(*names: str, **more: Any) -> click.Option:
        variable = f"HASHRET_{names[-1].strip('-').upper()}" if short else None
        return click.Option(names, is_flag=True, expose_value=False, is_eager=True, envvar=variable, **more)

    return [
        option("-v", "--verbose", callback=_be_verbose, help="Tell what is done, and how long it takes."),
        option("-q", "--quiet", callback=_be_quiet, help="No progress and no notes, only answers and errors."),
    ]


def _be_quiet(context: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked:
        context.meta[QUIET] = True


def _be_verbose(context: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked and not context.meta.get(VERBOSE) and not context.resilient_parsing:
        context.meta[VERBOSE] = True
        context.with_resource(_heard())
        log.info(versions())
        group = context.find_root().command
        for line in environment.told(group.commands) if isinstance(group, click.Group) else ():
            log.info(line)


class _Echo(logging.Handler):
    """Lines to what is standard error at that moment: progress bars put themselves in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.start = time.perf_counter()

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        click.echo(f"{time.perf_counter() - self.start:7.3f} s  {record.getMessage()}", err=True)


@contextmanager
def _heard() -> Iterator[None]:
    """What hashret and indexer tell goes to standard error, until the command is over."""
    handler = _Echo()
    loggers = [logging.getLogger(name) for name in ("hashret", "indexer")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
        log.info("done")
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


def versions() -> str:
    """Hashret's version, Python's, and those of what answers depend on; nothing of it is imported."""
    import platform
    from importlib import metadata

    import hashret

    parts = [f"hashret {hashret.__version__}", f"Python {platform.python_version()}"]
    for name in VERSIONS:
        try:
            parts.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            parts.append(f"{name} is not installed")
    return ", ".join(parts)


@contextmanager
def timed(show: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """Progress that also tells, as each phase ends, how much it did and in how many seconds."""
    now: dict[str, Any] = {"phase": None}

    def tell() -> None:
        if now["phase"] is not None:
            log.info("%s: %s in %.3f s", now["phase"], f"{now['done']:,}", time.perf_counter() - now["start"])

    def both(phase: str, done: int, total: int, note: str = "") -> None:
        if phase != now["phase"]:
            tell()
            now.update(phase=phase, start=time.perf_counter())
        now["done"] = done
        show(phase, done, total, note)

    try:
        yield both
    finally:
        tell()
