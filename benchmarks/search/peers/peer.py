"""What the benchmark asks of a method: hold some codes, and hand out calls that answer one question.

Only such a call is timed, of the library's own function with its own arguments. Queries are brought into the form a
library wants before it, and its answer into `Answers` after it, so that each is timed as its own users call it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from benchmarks.search.questions import Answers, Question
from indexer.bits import Codes

Call = Callable[[], Any]


class Peer:
    """A method over codes uint8 (n, b / 8), whose rows are its ids; making one is what "build" times.

    `library` is the distribution whose version is noted. `most` is how many codes it is given at the most, lest a run
    take days. `strict` says that ids and order are promised, not distances alone. `stored` is seconds of the build that
    went into a file.
    """

    library: ClassVar[str] = "numpy"
    most: ClassVar[int] = 100_000_000
    strict: ClassVar[bool] = False
    stored: float = 0.0

    @classmethod
    def missing(cls) -> str | None:
        """Why it cannot run here, or None."""
        return None

    @classmethod
    def exact(cls, question: Question) -> bool:
        """Whether it promises every right answer."""
        return True

    @classmethod
    def key(cls, question: Question, bits: int, n: int) -> tuple[int, ...] | None:
        """What has to be built for a question: questions of one key share a build. None: it does not answer this."""
        return ()

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        raise NotImplementedError

    def given(self, queries: Codes) -> Any:
        """Queries uint8 (q, b / 8) as the library wants them."""
        return queries

    def call(self, question: Question, queries: Any, single: bool) -> Call:
        """The call that answers this question for what `given` made; `single`: of one query alone."""
        raise NotImplementedError

    def read(self, question: Question, raw: Any) -> Answers:
        """What the library answered; in order unless the library itself promises one."""
        raise NotImplementedError

    def notes(self, question: Question, query: Codes) -> dict[str, Any]:
        """What else is to be noted of a question."""
        return {}

    def close(self) -> None:
        """Let go of files."""
