"""Entries as a Parquet file, with pyarrow: id, text, vector, code, and a column for each field of meta.

A field that is text, whole numbers, numbers, booleans or lists of texts throughout has a column of that type, which any
other program reads too; any other is written as JSON. Under the name "hashret" the file notes which column is the
content and which hold JSON, so that `hashret index` reads the very entries: what an entry lacks stays lacking.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hashret.exchange.export import Export, record, replacing
from indexer.bits import Ids
from indexer.errors import InvalidInput
from indexer.rows import Row

NOTE = b"hashret"  # among the metadata of the file
GROUP = 16  # pages a row group: 32,768 rows
LONGEST = 2**63
EXACT = 2**53  # whole numbers up to here are floats as well


def write_parquet(path: str | Path, what: Export) -> int:
    """Write entries; how many. Raises `InvalidInput` without pyarrow."""
    try:
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise InvalidInput(f"{path}: Parquet is written by pyarrow: pip install 'hashret[parquet]'") from error
    count = 0
    with replacing(path) as part:
        columns = _Columns(what)
        with ParquetWriter(part, columns.schema) as writer:
            for table, rows in columns.tables():
                writer.write_table(table)
                count += rows
    return count


class _Columns:
    """The columns that the metas of a first reading ask for."""

    def __init__(self, what: Export) -> None:
        import pyarrow as arrow

        self.what = what
        self.vectors = what.index.store.keeps_vectors
        kinds: dict[str, set[str]] = {}
        texts = False
        for _, rows in what.pages("read"):
            for row in rows:
                texts = texts or row.content is not None
                for name, value in record(row).items():
                    kinds.setdefault(name, set()).add(_kind(value))
        own: dict[str, Any] = {"id": arrow.string()}
        own |= {"text": arrow.string()} if texts else {}
        own |= {"vector": arrow.list_(arrow.float32())} if self.vectors else {}
        own |= {"code": arrow.string()} if what.codes else {}
        types = {name: _type(found) for name, found in kinds.items() if name not in own}
        self.json = [name for name, found in types.items() if found is None]
        content = "text" if texts else "vector" if self.vectors else None
        note = json.dumps({"content": content, "json": self.json}, ensure_ascii=False).encode()
        fields = own | {name: found or arrow.string() for name, found in types.items()}
        self.schema = arrow.schema(list(fields.items()), metadata={NOTE: note})

    def tables(self) -> Iterator[tuple[Any, int]]:
        """Some rows at a time as a table of Arrow, and how many."""
        import pyarrow as arrow

        for ids, rows in _grouped(self.what.pages()):
            records = [record(row) for row in rows]
            for name in self.json:
                for one in records:
                    if name in one:
                        one[name] = json.dumps(one[name], ensure_ascii=False)
            if self.what.codes:
                for one, code in zip(records, self.what.index.codes(ids), strict=True):
                    one["code"] = code.tobytes().hex()
            if self.vectors:
                for one, vector in zip(records, self.what.index.store.vectors(ids), strict=True):
                    one["vector"] = vector
            yield arrow.Table.from_pylist(records, schema=self.schema), len(records)


def _grouped(pages: Iterator[tuple[Ids, list[Row]]]) -> Iterator[tuple[Ids, list[Row]]]:
    """Several pages as one."""
    import numpy as np

    held: list[tuple[Ids, list[Row]]] = []
    for page in pages:
        held.append(page)
        if len(held) == GROUP:
            yield np.concatenate([ids for ids, _ in held]), [row for _, rows in held for row in rows]
            held = []
    if held:
        yield np.concatenate([ids for ids, _ in held]), [row for _, rows in held for row in rows]


def _kind(value: Any) -> str:
    """What column a value fits into."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        if abs(value) <= EXACT:
            return "int"
        return "long" if -LONGEST <= value < LONGEST else "json"
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "texts"
    return {float: "float", str: "text"}.get(type(value), "json")


def _type(kinds: set[str]) -> Any:
    """The Arrow type of a column of such values; None for JSON."""
    import pyarrow as arrow

    if kinds == {"int", "float"}:
        return arrow.float64()
    if kinds <= {"int", "long"}:
        return arrow.int64()
    types = {"bool": arrow.bool_(), "int": arrow.int64(), "float": arrow.float64(), "text": arrow.string()}
    types["texts"] = arrow.list_(arrow.string())
    return types.get(next(iter(kinds))) if len(kinds) == 1 else None
