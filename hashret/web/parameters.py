"""The query parameters of the JSON API, each said once: OpenAPI documents them so, requests are checked so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.errors import InvalidInput

MOST_HITS = 1000  # of one answer


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter and the JSON schema of its value; an array is given as the same name again and again."""

    name: str
    schema: dict[str, Any]
    description: str
    required: bool = False

    def value(self, given: Sequence[str]) -> Any:
        """What these texts mean; raises `InvalidInput` if it is not what the schema says."""
        kind = self.schema["type"]
        if kind == "array":
            return list(given)
        if len(given) > 1:
            raise InvalidInput(f"{self.name} is given {len(given)} times: give it once")
        if not given:
            if self.required:
                raise InvalidInput(f"{self.name} is missing: {self.description}")
            return self.schema.get("default")
        read = {"integer": self._integer, "boolean": self._boolean, "string": self._string}[kind]
        return read(given[0])

    def _integer(self, text: str) -> int:
        """A whole number within the limits."""
        low, high = self.schema["minimum"], self.schema["maximum"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if not low <= number <= high:
            raise InvalidInput(f"{self.name} is {text!r}: give a whole number from {low} to {high}")
        return number

    def _boolean(self, text: str) -> bool:
        """True or false, in JSON's words."""
        if text not in ("true", "false"):
            raise InvalidInput(f"{self.name} is {text!r}: give true or false")
        return text == "true"

    def _string(self, text: str) -> str:
        """Any text that is not too short."""
        if len(text.strip()) < self.schema.get("minLength", 0):
            raise InvalidInput(f"{self.name} is empty: {self.description}")
        return text


def _whole(low: int, high: int, **more: Any) -> dict[str, Any]:
    """The schema of a whole number."""
    return {"type": "integer", "minimum": low, "maximum": high, **more}


Q = Parameter("q", {"type": "string", "minLength": 1}, "The text to search for.", required=True)
K = Parameter("k", _whole(1, MOST_HITS, default=10), "How many to give.")
RADIUS = Parameter("radius", _whole(0, 256), "Only entries within so many flipped bits; 0: the same code.")
WHERE = Parameter(
    "where",
    {"type": "array", "items": {"type": "string"}},
    "Only entries whose meta matches: lang=en, year>=2000, 'a in (b, c) and not d=null'; may be repeated.",
)
RERANK = Parameter("rerank", {"type": "boolean", "default": True}, "Order by the real-valued query.")
COUNTS = Parameter(
    "counts", {"type": "boolean", "default": False}, "Tell how many entries lie within 0, 1, 2, ... bits."
)
LENGTH = Parameter("length", _whole(0, 100_000, default=0), "Cut contents to snippets of about so many characters.")
PREFIX = Parameter("prefix", {"type": "string", "default": ""}, "Only entries whose key begins so.")
AFTER = Parameter("after", {"type": "string", "default": ""}, "Only entries after this key: `next` of the page before.")
SIZE = Parameter("size", _whole(16, 1024, default=256), "Longest side in pixels.")

SEARCH = (K, RADIUS, WHERE, RERANK, COUNTS, LENGTH)
LIST = (PREFIX, AFTER, K, WHERE, LENGTH)


def read(parameters: Iterable[Parameter], given: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The value of every parameter by name, from the pairs of a query string; raises `InvalidInput`."""
    known = {parameter.name: parameter for parameter in parameters}
    for name, _ in given:
        if name not in known:
            raise InvalidInput(f"unknown parameter {name!r}: give {', '.join(known) or 'none'}")
    return {name: known[name].value([text for key, text in given if key == name]) for name in known}
