"""Parquet: rows of texts, embeddings or images as entries; rows count from 0. Read in blocks of 16 MiB, with pyarrow.

What a row is, by the types of the columns:
- `array` names a column of float lists (embeddings) or of images; `text_field` a column of text.
- Else a column of text called text, content, body or document, as in `records`.
- Else the only column that can be it: text that is no id, float lists, or images as Hugging Face writes them (a struct
  with "bytes"); if there is none, the only column of bytes, as images.
- A file that `hashret export` wrote says itself which column is the content, and which fields it wrote as JSON.
Ids are those of `records`. Of the other columns meta has all that JSON can hold, dates and decimals as text; columns of
bytes, maps and float lists are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.inputs.entry import Entry, File, Items, ReadOptions
from hashret.inputs.images import pixels
from hashret.inputs.records import Fields, check, content_field, entry, key_field, key_of, missing
from hashret.inputs.text import unreadable
from indexer.errors import InvalidInput

_BLOCK = 1 << 24  # bytes that are unpacked at once
_ROWS = 4096  # and no more rows than that
_BUFFER = 1 << 20  # bytes of a column read ahead: without it, a group of rows is read whole


@dataclass(frozen=True, slots=True)
class _Layout:
    """The column of the content with its kind (text, vector, image or bytes), those of the id and of the meta.

    Of the meta one may be the title of the content.
    """

    content: str
    kind: str
    key: str | None
    meta: dict[str, Any]  # names to the Arrow types that they are cast to
    json: tuple[str, ...] | None = None  # columns of JSON in a file of our own, where null is what an entry lacks
    title: str | None = None


def read_parquet(file: File, options: ReadOptions) -> Items:
    """The rows of a Parquet file; raises `InvalidInput` if it is broken or no column is the content."""
    try:
        import pyarrow as arrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise InvalidInput(f"{file.shown}: Parquet is read by pyarrow: pip install 'hashret[parquet]'") from error
    try:
        with ParquetFile(file.path, buffer_size=_BUFFER, pre_buffer=False) as opened:
            layout = _layout(opened.schema_arrow, file, options)
            count = opened.metadata.num_rows
            row = -1
            file.meter.share = lambda: (row + 1) / max(count, 1)
            for start, block in _blocks(opened, layout):
                for row, item in enumerate(_items(block, layout, file, start), start):
                    yield row, item
    except arrow.ArrowException as error:
        reason = str(error).split("\n", 1)[0].rstrip(".")
        raise InvalidInput(f"{file.shown}: cannot be read as Parquet ({reason}): write it again") from error
    except OSError as error:
        if error.errno:
            raise unreadable(file, error) from error
        raise InvalidInput(
            f"{file.shown}: cannot be read as Parquet, it is broken or cut off: write it again"
        ) from error


def _blocks(opened: Any, layout: _Layout) -> Iterator[tuple[int, Any]]:
    """Record batches with the number of their first row."""
    metadata = opened.metadata
    size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    rows = max(1, min(_ROWS, _BLOCK * metadata.num_rows // max(size, 1)))
    names = dict.fromkeys([layout.content, *([layout.key] if layout.key else []), *layout.meta])
    start = 0
    for block in opened.iter_batches(batch_size=rows, columns=list(names)):
        yield start, block
        start += len(block)


def _layout(schema: Any, file: File, options: ReadOptions) -> _Layout:
    """What the columns are, by the rules above."""
    twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"{file.shown}: two columns are called {twice!r}: rename one")
    kinds = {column.name: _kind(column.type) for column in schema}
    key = key_field(kinds, options)
    if key is not None and key not in kinds:
        raise missing(file.shown, key, kinds, "--id-field")
    if options.title_field and options.title_field not in kinds:
        raise missing(file.shown, options.title_field, kinds, "--title-field")
    note = _note(schema, options)
    content, kind = content_field(kinds, key, file.shown, options) if note is None else (note[0], kinds[note[0]])
    others = (column for column in schema if column.name not in (content, key))
    meta = {column.name: _plain_type(column.type) for column in others if kinds[column.name] != "vector"}
    plain = {name: to for name, to in meta.items() if to is not None}
    return _Layout(content, kind, key, plain, None if note is None else note[1], options.title_field)


def _note(schema: Any, options: ReadOptions) -> tuple[str, tuple[str, ...]] | None:
    """Content and columns of JSON of a file that hashret wrote, unless another content is asked for."""
    if options.array or options.text_field:
        return None
    try:
        note = json.loads((schema.metadata or {}).get(b"hashret", b"{}"))
        known = note["content"], tuple(note["json"])
    except (ValueError, KeyError, TypeError):
        return None
    return known if {known[0], *known[1]} <= set(schema.names) else None


def _kind(type_: Any) -> str:
    """What a column of an Arrow type can be: text, vector, image, bytes, or the name of the type."""
    from pyarrow import types

    if types.is_dictionary(type_):
        type_ = type_.value_type
    if _is_any(type_, "string", "large_string", "string_view"):
        return "text"
    if _is_any(type_, "list", "large_list", "fixed_size_list") and types.is_floating(type_.value_type):
        return "vector"
    if types.is_struct(type_) and type_.get_field_index("bytes") >= 0 and _is_bytes(type_.field("bytes").type):
        return "image"
    return "bytes" if _is_bytes(type_) else str(type_)


def _is_bytes(type_: Any) -> bool:
    return _is_any(type_, "binary", "large_binary", "fixed_size_binary", "binary_view")


def _is_any(type_: Any, *names: str) -> bool:
    """Whether an Arrow type is one of these; a name that an older pyarrow does not know is none."""
    from pyarrow import types

    return any(getattr(types, f"is_{name}", lambda _: False)(type_) for name in names)


def _plain_type(type_: Any) -> Any:
    """The Arrow type whose values JSON can hold that a column is cast to; None if there is none."""
    import pyarrow as arrow
    from pyarrow import types

    if types.is_dictionary(type_):
        return _plain_type(type_.value_type)
    if _is_any(type_, "string", "large_string", "string_view", "date", "time", "timestamp", "duration", "decimal"):
        return arrow.string()
    if types.is_floating(type_):
        return arrow.float64()
    if _is_any(type_, "list", "large_list", "fixed_size_list"):
        inner = _plain_type(type_.value_type)
        return None if inner is None else arrow.list_(inner)
    if types.is_struct(type_):
        parts = {type_.field(n).name: _plain_type(type_.field(n).type) for n in range(type_.num_fields)}
        return None if None in parts.values() else arrow.struct(list(parts.items()))
    return type_ if _is_any(type_, "null", "boolean", "integer") else None


def _items(block: Any, layout: _Layout, file: File, start: int) -> Iterator[Entry | InvalidInput]:
    """The entries of a record batch, and why there is none."""
    contents = _vectors(block.column(layout.content)) if layout.kind == "vector" else None
    for number, record in enumerate(_records(block, layout)):
        row = start + number
        place, default = f"{file.shown} row {row}", f"{file.name}:{row}"
        try:
            if record is None:
                raise InvalidInput(f"{place}: holds text that is not UTF-8: write it again")
            check(record, place)
            if layout.kind == "text":
                yield entry(record, Fields(layout.content, layout.key, layout.title), place, default)
                continue
            key = default if layout.key is None else key_of(record.pop(layout.key), place, layout.key)
            where = f"{place}: column {layout.content!r}"
            if contents is None:
                yield Entry(key, _image(block.column(layout.content)[number].as_py(), where), record)
            else:
                yield Entry(key, _finite(contents[number], where), record)
        except InvalidInput as error:
            yield error


def _records(block: Any, layout: _Layout) -> Iterator[dict[str, Any] | None]:
    """Each row as a dict of what is text, id or meta, in JSON values; None for one whose text is not UTF-8."""
    import pyarrow as arrow

    wanted = dict(layout.meta)
    for name in (layout.key, layout.content if layout.kind == "text" else None):
        if name is not None:
            type_ = block.schema.field(name).type
            wanted[name] = _plain_type(type_) or type_
    columns = [block.column(name).cast(to) for name, to in wanted.items()]
    if not columns:
        yield from ({} for _ in range(len(block)))
        return
    table = arrow.RecordBatch.from_arrays(columns, names=list(wanted))
    try:
        yield from [_restored(record, layout) for record in table.to_pylist()]
    except UnicodeDecodeError:
        for number in range(len(table)):
            try:
                yield _restored(table.slice(number, 1).to_pylist()[0], layout)
            except UnicodeDecodeError:
                yield None


def _restored(record: dict[str, Any], layout: _Layout) -> dict[str, Any]:
    """A record in JSON values; of a file of our own as it was exported."""
    plain: dict[str, Any] = _plain(record)
    if layout.json is None:
        return plain
    held = {name: value for name, value in plain.items() if value is not None}
    try:
        return held | {name: json.loads(held[name]) for name in layout.json if name in held}
    except ValueError:  # another program wrote into a column of JSON
        return held


def _plain(value: Any) -> Any:
    """A value with null for NaN and infinity, which JSON does not know."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _vectors(column: Any) -> list[NDArray[np.float32] | None]:
    """The float lists of a column, float32 (d,); None for null, NaN for a null within."""
    import pyarrow.compute as compute

    with np.errstate(over="ignore"):
        flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    lengths = compute.list_value_length(column).to_pylist()
    ends = np.cumsum([length or 0 for length in lengths])
    return [
        None if length is None else flat[end - length : end].copy()
        for length, end in zip(lengths, ends.tolist(), strict=True)
    ]


def _finite(vector: NDArray[np.float32] | None, where: str) -> NDArray[np.float32]:
    """A vector; raises `InvalidInput` if it is null, empty or not finite."""
    if vector is None or not len(vector):
        raise InvalidInput(f"{where} is {'null' if vector is None else 'empty'}: fill it or remove the row")
    if not np.isfinite(vector).all():
        raise InvalidInput(f"{where} holds NaN, null, infinity or a number beyond float32: repair or remove the row")
    return vector


def _image(value: Any, where: str) -> NDArray[np.uint8]:
    """The pixels of an image's bytes, or of a struct with them."""
    if isinstance(value, dict):
        if value["bytes"] is None and value.get("path"):
            raise InvalidInput(f"{where} has the path of an image, not its bytes: give the folder of images instead")
        value = value["bytes"]
    if not value:
        raise InvalidInput(f"{where} is {'null' if value is None else 'empty'}: fill it or remove the row")
    return pixels(BytesIO(value), where)
