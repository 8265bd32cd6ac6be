"""Records to entries: which field is the text, which the id, and the JSON lines they come in.

The rules, the same for JSON lines, CSV, Parquet and SQL; the first record of a file, or its header, decides for all:
- text: `text_field`; else the first of text, content, body, document; else the only text among the other fields.
- id:   `id_field`; else the first of id, _id, key; else file:line, or file:row.
- Every other field, a title too, is meta. `title_field` is read before the text besides; it or the text may be empty.

Not here: the other formats, each in its own chapter, and decoding (`text`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from hashret.inputs.entry import Entry, File, Items, ReadOptions
from hashret.inputs.text import fault, lines
from indexer.errors import InvalidInput, hint

TEXT_FIELDS = ("text", "content", "body", "document")
_ID_FIELDS = ("id", "_id", "key")
_WHAT = {"text": "text", "vector": "embeddings", "image": "images", "bytes": "bytes"}
_JSON_NAMES = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    type(None): "null",
    bytes: "bytes",
}
# Only these escapes can put a NUL or half a pair into a string that was decoded well.
_RISKY_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of the text field, of the id field, None for file:line, and of what is read before the text."""

    text: str
    key: str | None
    title: str | None = None


def choose(record: Mapping[str, Any], place: str, options: ReadOptions) -> Fields:
    """The fields by the rules above; raises `InvalidInput` if none is the text."""
    key = key_field(record, options)
    if options.title_field and options.title_field not in record:
        raise missing(place, options.title_field, record, "--title-field")
    if options.text_field:
        return Fields(options.text_field, key, options.title_field)
    text = next((name for name in TEXT_FIELDS if name in record), None)
    if text is None:
        taken = (key, options.title_field)
        texts = [name for name, value in record.items() if isinstance(value, str) and name not in taken]
        if len(texts) != 1:
            raise missing(place, "text", record, "--text-field")
        text = texts[0]
    return Fields(text, key, options.title_field)


def key_field(names: Collection[str], options: ReadOptions) -> str | None:
    """The field with the id; None for none."""
    return options.id_field or next((name for name in _ID_FIELDS if name in names), None)


def entry(record: dict[str, Any], fields: Fields, place: str, default: str) -> Entry:
    """The entry of a record, with the key `default` if no field is the id.

    Raises `InvalidInput` if its text or id is missing, empty or of a wrong type.
    """
    for name, flag in ((fields.text, "--text-field"), (fields.key, "--id-field")):
        if name is not None and name not in record:
            raise missing(place, name, record, flag)
    text = _text(record, fields, place)
    key = default if fields.key is None else key_of(record[fields.key], place, fields.key)
    return Entry(key, text, {name: value for name, value in record.items() if name not in (fields.text, fields.key)})


def _text(record: dict[str, Any], fields: Fields, place: str) -> str:
    """What is read of a record: its text, after its title where one is asked for; raises `InvalidInput` for nothing."""
    parts = {fields.text: record[fields.text]}
    if fields.title is not None and record.get(fields.title) is not None:
        parts = {fields.title: record[fields.title], **parts}
    for name, part in parts.items():
        if not isinstance(part, str):
            flag = "--text-field" if name == fields.text else "--title-field"
            raise InvalidInput(f"{place}: field {name!r} is {_kind(part)}, not text: name another with {flag}")
    text = " ".join(part for part in parts.values() if part.strip())
    if not text:
        title = record.get("title") if fields.title is None else None
        more = ", or add what is in 'title' by --title-field title" if isinstance(title, str) and title.strip() else ""
        raise InvalidInput(f"{place}: field {fields.text!r} is empty: remove the entry or fill it{more}")
    return text


def key_of(value: object, place: str, name: str) -> str:
    """An id as text; whole numbers are taken as they are written."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise InvalidInput(f"{place}: id field {name!r} is {_kind(value)}: give text or a whole number")
    if value == "":
        raise InvalidInput(f"{place}: id field {name!r} is empty: fill it or name another with --id-field")
    return str(value)


def missing(place: str, name: str, record: Iterable[str], flag: str) -> InvalidInput:
    """The message for a field that a record lacks."""
    there = f"its fields are {', '.join(names)}" if (names := list(record)) else "it has no fields"
    return InvalidInput(f"{place}: no field {name!r}: {there}; name one with {flag}{hint(name, names)}")


def _kind(value: object) -> str:
    """The JSON type of a value, in words."""
    return _JSON_NAMES.get(type(value), "a number")


def content_field(kinds: dict[str, str], key: str | None, shown: str, options: ReadOptions) -> tuple[str, str]:
    """Of columns of these kinds that with the content, by the rules of `parquet`, and its kind.

    A kind is text, vector, image, bytes or anything else. Raises `InvalidInput` if none or more than one can be it.
    """
    if options.array:
        if kinds.get(options.array, "text") not in ("vector", "image", "bytes"):
            raise InvalidInput(
                f"{shown}: no column {options.array!r} of embeddings or images: there are {_listed(kinds)}; "
                "name one with --array"
            )
        return options.array, kinds[options.array]
    if options.text_field:
        kind = kinds.get(options.text_field)
        if kind is None:
            raise missing(shown, options.text_field, kinds, "--text-field")
        if kind != "text":
            text = f"field {options.text_field!r} is {_WHAT.get(kind, kind)}, not text: name another with --text-field"
            raise InvalidInput(f"{shown}: {text}")
        return options.text_field, "text"
    names = [name for name in TEXT_FIELDS if kinds.get(name) == "text"][:1]
    free = {name: kind for name, kind in kinds.items() if name not in (key, options.title_field)}
    names = names or [name for name, kind in free.items() if kind in ("text", "vector", "image")]
    names = names or [name for name, kind in free.items() if kind == "bytes"]
    if len(names) == 1:
        return names[0], kinds[names[0]]
    many = "several columns" if names else "no column"
    there = _listed({name: kinds[name] for name in names or kinds})
    raise InvalidInput(
        f"{shown}: {many} of text, embeddings or images: there are {there}; name one with --text-field or --array"
    )


def _listed(kinds: dict[str, str]) -> str:
    """Columns and what they hold, for a message."""
    return ", ".join(f"{name} ({_WHAT.get(kind, kind)})" for name, kind in kinds.items()) or "none"


def read_records(file: File, options: ReadOptions) -> Items:
    """A file of JSON objects, one a line; blank lines are no entries. Raises `InvalidInput` if no field is the text."""
    fields: Fields | None = None
    for number, text, problem in lines(file, options):
        if problem is None and not text.strip():
            continue
        place = f"{file.shown}:{number}"
        try:
            if problem is not None:
                raise problem
            record = parse(text, place)
        except InvalidInput as error:
            yield number, error
            continue
        fields = fields or choose(record, place, options)
        try:
            yield number, entry(record, fields, place, f"{file.name}:{number}")
        except InvalidInput as error:
            yield number, error


def parse(text: str, place: str) -> dict[str, Any]:
    """A JSON object from one line; raises `InvalidInput` for anything else."""
    try:
        record = _DECODER.decode(text.rstrip("\r\n"))
    except RecursionError as error:
        raise InvalidInput(f"{place}: broken JSON (nested too deeply): repair the line") from error
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        raise InvalidInput(f"{place}: broken JSON ({reason}, column {error.colno}): repair the line") from error
    except ValueError as error:
        raise InvalidInput(f"{place}: broken JSON ({error}): repair the line") from error
    if not isinstance(record, dict):
        raise InvalidInput(f'{place}: is {_kind(record)}, not an object: write each line as {{"id": …, "text": …}}')
    if _RISKY_ESCAPE.search(text):
        check(record, place)
    return record


def check(record: dict[str, Any], place: str) -> None:
    """Raise `InvalidInput` if a string of a record, however deep, cannot be stored."""
    for string in _strings(record):
        if why := fault(string):
            raise InvalidInput(f"{place}: {why}")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{digits} is too large")
    return value


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)  # one for all: a third of the time


def _strings(record: dict[str, Any]) -> Iterator[str]:
    """Every string in a JSON object, names of fields too, in order; a stack, as the nesting may be deep."""
    waiting: list[Any] = [record]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, dict):
            for name, item in reversed(value.items()):
                waiting += (item, name)
