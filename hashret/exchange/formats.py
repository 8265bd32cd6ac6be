"""The form of an exported file, by its name: JSON lines, Parquet, or codes as arrays of NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hashret.exchange.columns import write_parquet
from hashret.exchange.export import PAGE, Export, replacing, write_lines
from indexer.bits import Codes, Ids
from indexer.errors import InvalidInput


def export(what: Export, path: str | Path) -> int:
    """Write entries in the form that the name of the file tells; how many. Raises `InvalidInput` for another name."""
    form = Path(path).suffix.lower()
    if form in (".jsonl", ".ndjson"):
        return write_lines(path, what.records())
    if form == ".parquet":
        return write_parquet(path, what)
    if form in (".npy", ".npz"):
        return _write_codes(path, what, alone=form == ".npy")
    raise InvalidInput(f"{path}: is no kind of file to export to: name one that ends in .jsonl .parquet .npy or .npz")


def _write_codes(path: str | Path, what: Export, alone: bool) -> int:
    """Codes uint8 (n, bits / 8) as .npy with keys in a text file beside it, or both in one .npz."""
    ids = what.ids()
    keys, codes = _keys(what, path, ids), what.index.codes(ids)
    if not alone:
        with replacing(path) as part, part.open("wb") as file:
            np.savez(file, codes=codes, ids=np.array(keys, dtype=np.str_))
        return len(keys)
    for number, key in enumerate(keys):
        if key.splitlines() != [key] or "\0" in key or key.startswith("\ufeff"):
            raise InvalidInput(f"{path}: key {number} is {key!r}, which is no line of a text file: write an .npz")
    with replacing(ids_beside(path)) as names, replacing(path) as part:
        names.write_text("".join(f"{key}\n" for key in keys), encoding="utf-8")
        _save(part, codes)
    return len(keys)


def ids_beside(path: str | Path) -> Path:
    """The file with the keys of codes in a .npy: codes.npy has codes.ids.txt."""
    return Path(path).with_suffix(".ids.txt")


def _save(part: Path, codes: Codes) -> None:
    """Codes as .npy, under whatever name."""
    with part.open("wb") as file:
        np.save(file, codes)


def _keys(what: Export, path: str | Path, ids: Ids) -> list[str]:
    """Keys of the entries; raises `InvalidInput` for one that an array of NumPy cuts short."""
    keys: list[str] = []
    for start in range(0, len(ids), PAGE):
        keys += what.index.keys(ids[start : start + PAGE])
        what.progress("write", len(keys), len(ids))
    odd = next((key for key in keys if key.endswith("\0")), None)
    if odd is not None:
        raise InvalidInput(f"{path}: key {odd!r} ends in NUL, which NumPy drops: write .jsonl")
    return keys
