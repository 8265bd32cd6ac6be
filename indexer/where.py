"""Where: which entries a search may answer with, by the fields of their meta, as a mapping or as a text.

    {"year": {"$gte": 2000, "$lt": 2010}, "lang": {"$in": ["en", "de"]}, "$not": {"draft": True}}
    year >= 2000 and year < 2010 and lang in (en, de) and not draft = true

Mappings are those of MongoDB, as Chroma and Pinecone took them over; a value alone is $eq, a list $in. In a text, names
and values with blanks, commas, parentheses or quotes stand in quotes, with a backslash before a quote inside.

- An entry matches or does not: `not` and != turn the answer round, for entries that lack the field too. null, None in
  Python, is a field that is missing or null.
- = finds the same text, or the same number or boolean whether it was stored as such or as its text.
- < <= > >= with a number find numbers, and texts that are one ("1999"); with a text they find texts, by code points, so
  that dates as 2024-01-31 come in their order. In a text "2024" in quotes is a text, 2024 is a number.
- A text is known to its first NUL, as SQLite has it.
- A list has all that its elements have: tags = red finds ["red", "blue"]. Names are those of the top of meta: a dot in
  one is a dot.

Not here: SQL, which is `indexer.selection`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from indexer.errors import InvalidInput

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
MOST = 500  # comparisons in a condition
DEEPEST, READ = 16, 100  # how deep they may nest, as SQLite reads 18; and as they are written, which may say less
EQUAL = ("$eq", "$ne", "$in", "$nin")
ORDER = {"$lt": "<", "$lte": "<=", "$gt": ">", "$gte": ">="}
OPERATORS = (*EQUAL, *ORDER, "$not")
LARGEST = 10**300  # SQLite would take it for infinity
JOINTS = ("$and", "$or", "$not")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether `field` has a value that is one of `values`, texts; or one that is < <= > >= the only one of `values`.

    The operator `has` asks whether the field is there and not null.
    """

    field: str
    operator: str
    values: tuple[str | int | float, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    """All of these; all entries where there are none."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these; no entry where there are none."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What the part does not match."""

    part: Condition


Condition = Comparison | Every | Some | Not
Where = Mapping[str, Any] | str | Condition


def condition(where: Where) -> Condition:
    """A condition as it was written; raises `InvalidInput` that names the place where it is none."""
    if isinstance(where, str):
        found = _Reader(where).whole()
    elif isinstance(where, Mapping):
        found = _mapping(where, "where", 0)
    elif isinstance(where, Condition):
        found = where
    else:
        raise InvalidInput(f'where is of type {type(where).__name__}: give {{"lang": "en"}} or "lang = en"')
    flat = _flat(found, 0)
    if _depth(flat) > DEEPEST:
        raise InvalidInput(f"where: is nested deeper than {DEEPEST}: write it flatter")
    found = found if flat == found else flat
    every = list(comparisons(found))
    for one in every:
        for text in (one.field, *one.values):
            if isinstance(text, str) and not text.isascii():
                _check_utf8(text)
    if len(every) > MOST:
        raise InvalidInput(f"where: has more than {MOST} comparisons: list values, as year in (2000, 2001)")
    return found


def _flat(found: Condition, depth: int) -> Condition:
    """The same with no joint within one like it, none of one part, and no `not` of a `not`.

    Raises `InvalidInput` for what is nested deeper than Python itself should go.
    """
    if isinstance(found, Comparison):
        return found
    if depth > READ:
        raise InvalidInput(f"where: is nested deeper than {READ}: write it flatter")
    if isinstance(found, Not):
        part = _flat(found.part, depth + 1)
        return part.part if isinstance(part, Not) else Not(part)
    parts: list[Condition] = []
    for part in (_flat(part, depth + 1) for part in found.parts):
        parts += part.parts if isinstance(part, type(found)) else [part]
    return parts[0] if len(parts) == 1 else type(found)(tuple(parts))


def _depth(found: Condition) -> int:
    """How many joints and `not` are within one another."""
    if isinstance(found, Comparison):
        return 0
    return 1 + max(map(_depth, (found.part,) if isinstance(found, Not) else found.parts), default=0)


def _check_utf8(text: str) -> None:
    """Raise `InvalidInput` for a text that no meta can hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"where: {text!r} holds what UTF-8 cannot write: give another text") from error


def comparisons(found: Condition) -> Iterator[Comparison]:
    """The comparisons of a condition, in their order."""
    if isinstance(found, Comparison):
        yield found
    else:
        for part in (found.part,) if isinstance(found, Not) else found.parts:
            yield from comparisons(part)


def equal(field: str, values: tuple[Any, ...], place: str) -> Condition:
    """That a field has one of these values, None for missing or null."""
    texts = tuple(_text(value, place) for value in values if value is not None)
    found: list[Condition] = [Comparison(field, "=", texts)] if texts else []
    if any(value is None for value in values):
        found.append(Not(Comparison(field, "has")))
    return found[0] if len(found) == 1 else Some(tuple(found))


def _mapping(where: Mapping[str, Any], place: str, depth: int) -> Condition:
    """Every field and joint of a mapping."""
    if depth > READ:
        raise InvalidInput(f"where: is nested deeper than {READ}: write it flatter")
    parts: list[Condition] = []
    for name, value in where.items():
        here = f"{place}[{name!r}]"
        if not isinstance(name, str):
            raise InvalidInput(f"{here}: the name is no text: give the name of a field")
        if not name.startswith("$"):
            parts += _field(name, value, here, depth + 1)
        elif name == "$not":
            parts.append(Not(_part(value, here, depth + 1)))
        elif name in JOINTS:
            if not isinstance(value, list | tuple) or not value:
                raise InvalidInput(f"{here}: is no list of conditions: give at least one mapping in a list")
            among = tuple(_part(part, f"{here}[{number}]", depth + 1) for number, part in enumerate(value))
            parts.append(Every(among) if name == "$and" else Some(among))
        else:
            raise InvalidInput(f"{here}: there is no such operator: here may stand {', '.join(JOINTS)}")
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def _part(value: Any, place: str, depth: int) -> Condition:
    """A condition within another."""
    if not isinstance(value, Mapping):
        raise InvalidInput(f'{place}: is no condition: give a mapping, as {{"lang": "en"}}')
    return _mapping(value, place, depth)


def _field(name: str, value: Any, place: str, depth: int) -> list[Condition]:
    """What is asked of one field: a value, a list of values, or operators."""
    if isinstance(value, list | tuple | set | frozenset):
        return [equal(name, tuple(value), place)]
    if not isinstance(value, Mapping):
        return [equal(name, (value,), place)]
    if not value or depth > READ:
        raise InvalidInput(f"{place}: asks for nothing: give a value, or operators as {{'$gte': 2000}}")
    parts: list[Condition] = []
    for operator, operand in value.items():
        here = f"{place}[{operator!r}]"
        if operator in ORDER:
            parts.append(Comparison(name, ORDER[operator], (_ordered(operand, here),)))
        elif operator in ("$in", "$nin") and not isinstance(operand, list | tuple | set | frozenset):
            raise InvalidInput(f"{here}: is no list: give a list of values")
        elif operator in EQUAL:
            values = tuple(operand) if operator in ("$in", "$nin") else (operand,)
            found = equal(name, values, here)
            parts.append(found if operator in ("$eq", "$in") else Not(found))
        elif operator == "$not":
            among = tuple(_field(name, operand, here, depth + 1))
            parts.append(Not(among[0] if len(among) == 1 else Every(among)))
        else:
            raise InvalidInput(f"{here}: there is no such operator: here may stand {', '.join(OPERATORS)}")
    return parts


def _plain(value: Any) -> Any:
    """A number of NumPy as one of Python."""
    return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value


def _text(value: Any, place: str) -> str:
    """A value as text; raises `InvalidInput` for what no value of a meta can equal."""
    value = _plain(value)
    if isinstance(value, float) and not isfinite(value):
        raise InvalidInput(f"{place}: is {value}, which no meta can hold: give a number")
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) and abs(value) >= LARGEST:
        raise InvalidInput(f"{place}: is a number of over 300 digits: give another")
    if isinstance(value, str | int | float):
        return str(value).split("\0")[0]
    raise InvalidInput(f"{place}: is of type {type(value).__name__}: give text, a number, true, false or null")


def _ordered(value: Any, place: str) -> str | int | float:
    """A value that others come before or after."""
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidInput(f"{place}: is {value!r}: give a number or a text, only they have an order")
    _text(value, place)
    return value


NAME, VALUE = r"[^\s(),=!<>\"']+", r"[^\s(),\"'][^\s(),]*"
QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
SIGN = re.compile(r"\s*(<=|>=|!=|==|<>|=|<|>)")
WORDS = ("and", "or", "not", "in")


class _Reader:
    """Reads a condition from a text, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def whole(self) -> Condition:
        """The condition that the whole text is."""
        found = self._some()
        if self._left():
            raise self._error("this is neither and nor or", "put a value with blanks into quotes")
        return found

    def _some(self) -> Condition:
        """Conditions with `or` between."""
        parts = [self._every()]
        while self._word("or"):
            parts.append(self._every())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _every(self) -> Condition:
        """Conditions with `and` between."""
        parts = [self._one()]
        while self._word("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _one(self) -> Condition:
        """A comparison, what is in parentheses, or the contrary of one of these."""
        self.depth += 1
        if self.depth > READ:
            raise self._error(f"this is nested deeper than {READ}", "write it flatter")
        if self._word("not"):
            found: Condition = Not(self._one())
        elif self._mark("("):
            found = self._some()
            if not self._mark(")"):
                raise self._error("a ) is missing", "close what was opened")
        else:
            found = self._comparison()
        self.depth -= 1
        return found

    def _comparison(self) -> Condition:
        """A field, an operator and a value, or values in parentheses."""
        field = self._token(NAME, "the name of a field is missing", WORDS)[0]
        if self._word("not"):
            if not self._word("in"):
                raise self._error("here should stand in", "write lang not in (en, de)")
            return Not(self._among(field))
        if self._word("in"):
            return self._among(field)
        sign = self._match(SIGN)
        if not sign:
            raise self._error("an operator is missing", "write FIELD=VALUE; or != < <= > >= in, not in")
        value, quoted = self._token(VALUE, "a value is missing")
        known = self._value(value, quoted)
        if sign in ("=", "==", "!=", "<>"):
            found = equal(field, (known,), "where")
            return found if sign in ("=", "==") else Not(found)
        if not quoted and NUMBER.fullmatch(value):
            return Comparison(field, sign, (_ordered(_number(value), f"where {self.text!r}"),))
        return Comparison(field, sign, (value,))

    def _among(self, field: str) -> Condition:
        """The values of `in`."""
        if not self._mark("("):
            raise self._error("a ( is missing", "write lang in (en, de)")
        values = [self._value(*self._token(VALUE, "a value is missing"))]
        while self._mark(","):
            values.append(self._value(*self._token(VALUE, "a value is missing")))
        if not self._mark(")"):
            raise self._error("a , or ) is missing", "put a value with blanks into quotes")
        return equal(field, tuple(values), "where")

    @staticmethod
    def _value(text: str, quoted: bool) -> str | None:
        """What a value says."""
        return None if text.lower() == "null" and not quoted else text

    def _token(self, word: str, problem: str, reserved: tuple[str, ...] = ()) -> tuple[str, bool]:
        """A word or what is in quotes, and which of these."""
        quoted = self._match(re.compile(rf"\s*({QUOTED})", re.DOTALL))
        if quoted:
            return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL), True
        start = self.at
        found = self._match(re.compile(rf"\s*({word})"))
        if not found or found.lower() in reserved:
            self.at = start
            open_quote = self._left()[:1] in ("'", '"')
            raise self._error("a quote is not closed" if open_quote else problem, "write FIELD=VALUE, as lang=en")
        return found, False

    def _word(self, word: str) -> bool:
        """Go past this word, if it stands here."""
        start = self.at
        if self._match(re.compile(rf"\s*({NAME})")).lower() == word:
            return True
        self.at = start
        return False

    def _mark(self, mark: str) -> bool:
        """Go past this mark, if it stands here."""
        return bool(self._match(re.compile(rf"\s*({re.escape(mark)})")))

    def _match(self, pattern: re.Pattern[str]) -> str:
        """Go past a pattern; its text, empty if it does not stand here."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[1]

    def _left(self) -> str:
        """What is not read yet, blanks left out."""
        self._match(re.compile(r"\s*()"))
        return self.text[self.at :]

    def _error(self, problem: str, advice: str) -> InvalidInput:
        """What is wrong at this place."""
        rest = self._left()
        there = f"at {rest[:20]!r}, character {self.at + 1}" if rest else "at its end"
        return InvalidInput(f"where {self.text!r}: {there}: {problem}: {advice}")


def _number(text: str) -> int | float:
    """The number that a text is; whole ones stay so."""
    return int(text) if re.fullmatch("-?[0-9]{1,300}", text) else float(text)
