"""Tables in memory as entries: datasets of Hugging Face, frames of pandas and polars, Arrow tables, lists of dicts.

None of their libraries is imported: a table is known by what it can do. Which column is the content, which the id and
which are meta goes by the rules of `parquet`, for which the first row tells what each column holds; images are those of
Pillow, undecoded dicts with "bytes", or uint8 arrays. A row without an id has the key split:row or row:row, from 0.
Not here: tables in files, each in its own chapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from io import BytesIO
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.inputs.entry import Entry, ReadOptions
from hashret.inputs.images import decoded, pixels
from hashret.inputs.records import TEXT_FIELDS, Fields, check, content_field, entry, key_field, key_of, missing
from indexer.errors import InvalidInput


def is_table(data: object) -> bool:
    """Whether this has rows with named columns."""
    if isinstance(data, list | tuple):
        return bool(data) and isinstance(data[0], Mapping)
    # A lazy frame is asked first: it would work its columns out, and warns of it.
    return isinstance(data, Mapping) or _lazy(data) or hasattr(data, "column_names") or hasattr(data, "columns")


def _lazy(data: object) -> bool:
    """Whether this is a frame of polars without rows so far."""
    return hasattr(data, "collect_schema") and not hasattr(data, "iter_rows")


class Frame:
    """The entries of a table, read afresh by each `iter()`.

    Raises, while iterating, `InvalidInput` naming the row for what is missing, empty, of another kind than in the first
    row, no JSON, or an id that came before.
    """

    def __init__(self, table: Any, options: ReadOptions | None = None) -> None:
        self.table = table
        self.options = options or ReadOptions()
        self.shown = type(table).__name__
        if isinstance(table, Mapping) and not all(map(is_table, table.values())):
            raise InvalidInput(f"{self.shown}: is no table: give a list of dicts, a data frame or a dataset")
        if isinstance(table, Mapping):
            raise InvalidInput(f"{self.shown}: is several tables, {', '.join(map(str, table))}: give one of them")
        if _lazy(table):
            raise InvalidInput(f"{self.shown}: is not worked out yet: give what its collect() gives")

    def expected(self) -> int:
        """How many entries there are; 0 if that is not known."""
        try:
            return len(self.table)
        except TypeError:
            return 0

    def __iter__(self) -> Iterator[Entry]:
        prefix = str(getattr(self.table, "split", None) or "row")
        seen: dict[str, int] = {}
        kind, fields, meta = "", Fields("", None), [""]
        for row, record in enumerate(_records(self.table)):
            place = f"{self.shown} row {row}"
            if not row:
                kind, fields = self._fields(record)
                meta = [name for name in record if name not in (fields.text, fields.key)]
            plain = {name: _plain(record[name]) for name in meta if name in record and _fits(record[name])}
            one = _entry(record, plain, (kind, fields), place, f"{prefix}:{row}")
            first = seen.setdefault(one.key, row)
            if first != row:
                raise InvalidInput(
                    f"{place}: id {one.key!r} was used before, at row {first}: give every entry its own id"
                )
            yield one

    def _fields(self, record: Mapping[str, Any]) -> tuple[str, Fields]:
        """The kind of the content, and the columns of content and id, by the first row."""
        kinds = {name: _kind(value) for name, value in record.items()}
        # What is called text and is missing here is not text of another name.
        kinds |= {name: "text" for name in TEXT_FIELDS if name in record and _plain(record[name]) is None}
        key = key_field(kinds, self.options)
        if key is not None and key not in kinds:
            raise missing(self.shown, key, kinds, "--id-field")
        content, kind = content_field(kinds, key, self.shown, self.options)
        return kind, Fields(content, key)


def entries(
    table: Any, *, text_field: str | None = None, id_field: str | None = None, array: str | None = None
) -> Frame:
    """The entries of a table in memory, with its columns named where the usual rules do not find them.

    `text_field` is the column of texts, `array` that of embeddings or images, `id_field` that of the keys; every other
    column that JSON can hold is meta. `Engine.fit`, `Engine.add` and `Hasher.fit` take this, and tables as they are.
    """
    if not is_table(table):
        raise InvalidInput(f"{type(table).__name__} is no table: give a dataset, a data frame or a list of dicts")
    return Frame(table, ReadOptions(text_field=text_field, id_field=id_field, array=array))


def _records(table: Any) -> Iterator[Mapping[str, Any]]:
    """Each row by the names of its columns, in the order of the table."""
    if hasattr(table, "iter_rows"):  # polars
        yield from table.iter_rows(named=True)
    elif hasattr(table, "to_batches"):  # Arrow
        _distinct(table, table.column_names)
        for batch in table.to_batches(max_chunksize=1024):
            yield from batch.to_pylist()
    elif hasattr(table, "to_pylist"):  # a batch of Arrow's
        _distinct(table, table.schema.names)
        yield from table.to_pylist()
    elif hasattr(table, "itertuples"):  # pandas
        names = _distinct(table, [str(name) for name in table.columns])
        for row in table.itertuples(index=False, name=None):
            yield dict(zip(names, row, strict=True))
    else:
        yield from table


def _distinct(table: Any, names: list[str]) -> list[str]:
    """The names of columns; raises `InvalidInput` for one that two have."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"{type(table).__name__}: two columns are called {twice!r}: rename one")
    return names


def _entry(
    record: Mapping[str, Any], meta: dict[str, Any], layout: tuple[str, Fields], place: str, default: str
) -> Entry:
    """The entry of a row, with the key `default` if no column is the id."""
    kind, fields = layout
    for name, flag in ((fields.text, "--text-field"), (fields.key, "--id-field")):
        if name is not None and name not in record:
            raise missing(place, name, record, flag)
    named = {} if fields.key is None else {fields.key: _scalar(record[fields.key])}
    if kind == "text":
        whole = {fields.text: record[fields.text], **named, **meta}
        check(whole, place)
        return entry(whole, fields, place, default)
    check({**named, **meta}, place)
    key = default if fields.key is None else key_of(named[fields.key], place, fields.key)
    where = f"{place}: column {fields.text!r}"
    made = _vector if kind == "vector" else _image
    return Entry(key, made(record[fields.text], where), meta)


def _kind(value: Any) -> str:
    """What a column can be by one of its values: text, vector, image, bytes, or the name of the type."""
    if isinstance(value, str | bytes):
        return "text" if isinstance(value, str) else "bytes"
    if hasattr(value, "getbands") or (isinstance(value, Mapping) and "bytes" in value):
        return "image"
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim in (2, 3):
        return "image"
    if _is_vector(value):
        return "vector"
    return type(value).__name__


def _is_vector(value: Any) -> bool:
    """Whether this is a row of floats: a list, or any array or tensor."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(one, float | np.floating) for one in value)
    return getattr(value, "ndim", 0) == 1 and np.asarray(value).dtype.kind == "f"


def _vector(value: Any, where: str) -> NDArray[np.float32]:
    """A row of floats, float32 (d,)."""
    if not _is_vector(value):
        what = "null" if value is None else "empty" if isinstance(value, list) and not value else "no row of floats"
        raise InvalidInput(f"{where} is {what}: fill it or remove the row")
    with np.errstate(over="ignore"):
        row = np.asarray(value, dtype=np.float32)
    if not np.isfinite(row).all():
        raise InvalidInput(f"{where} holds NaN, infinity or a number beyond float32: repair or remove the row")
    return row.copy()


def _image(value: Any, where: str) -> NDArray[np.uint8]:
    """The pixels of an image in any of its forms."""
    if hasattr(value, "getbands"):
        return decoded(value)
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim in (2, 3):
        return value
    data = value.get("bytes") if isinstance(value, Mapping) else value
    if not isinstance(data, bytes) or not data:
        raise InvalidInput(f"{where} is {'null' if data is None else 'no image'}: fill it or remove the row")
    return pixels(BytesIO(data), where)


def _fits(value: Any) -> bool:
    """Whether JSON can hold a value, dates and decimals as text; rows of floats are left out as well."""
    if isinstance(value, np.ndarray):  # a list, in pandas
        return value.dtype.kind in "biuUO" and _fits(value.tolist())
    if isinstance(value, list | tuple):
        return not _is_vector(value) and all(map(_fits, value))
    if isinstance(value, Mapping):
        return all(isinstance(name, str) for name in value) and all(map(_fits, value.values()))
    kinds = (str, int, float, bool, type(None), np.generic, date, time, timedelta, Decimal)
    return isinstance(value, kinds) and not isinstance(value, bytes)


def _plain(value: Any) -> Any:
    """A value as JSON has it: null for NaN and infinity, text for dates and decimals."""
    value = value.tolist() if isinstance(value, np.ndarray) else _scalar(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | None) else None if str(value) == "NaT" else str(value)


def _scalar(value: Any) -> Any:
    """NumPy's numbers and texts as Python's, its dates as text."""
    if not isinstance(value, np.generic):
        return value
    return value.item() if value.dtype.kind in "biufU" else str(value)
