"""A model as a folder, as users of Hugging Face know it: config.json, model.safetensors, tokenizer.json, README.md.

The bytes are those of `Hasher.to_bytes`, only laid out: the safetensors as they are, of the JSON the tokenizer as
tokenizer.json, which `tokenizers` reads too (but for scripts without spaces, see `words`), and the rest, with the
digest, as config.json. Put together they must have that digest. The card tells what the model is and how it is used;
nothing reads it.
Not here: the hub. A folder comes and goes by whatever carries folders, and nothing is downloaded.
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from indexer.errors import Corrupt, InvalidInput, NotFound

CONFIG, WEIGHTS, TOKENIZER, CARD = "config.json", "model.safetensors", "tokenizer.json", "README.md"


def write(folder: str | Path, settings: str, weights: bytes, card: str) -> None:
    """Write settings and weights as `Hasher.to_bytes` gives them, and the card, into a folder, made where missing.

    Each file is whole or as it was before. Raises `InvalidInput` if nothing can be written there.
    """
    header = json.loads(settings)
    state = header.pop("state")
    config = {"model_type": "hashret", "digest": sha256(settings.encode() + b"\n" + weights).hexdigest(), **header}
    tokenizer = {TOKENIZER: state.encode()} if state else {}
    files = {CARD: card.encode(), WEIGHTS: weights, **tokenizer, CONFIG: (json.dumps(config, indent=2) + "\n").encode()}
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _write_whole(place / name, content)
        if not state:
            (place / TOKENIZER).unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInput(f"{folder}: cannot be written ({error.strerror}): name a folder that can") from error


def read(folder: str | Path) -> tuple[str, bytes]:
    """The settings and weights of a folder.

    Raises `NotFound` for no folder or one without a config, `Corrupt` if its files are not those that were written.
    """
    place = Path(folder)
    if not place.is_dir():
        raise NotFound(
            f"{folder}: no such folder; hashret downloads nothing: fetch a model first, as by hf download {folder} "
            "--local-dir FOLDER, and give that folder"
        )
    if not (place / CONFIG).is_file():
        raise NotFound(f"{folder}: has no {CONFIG}: give a folder that save_pretrained wrote")
    try:
        config = json.loads(_bytes(place, CONFIG))
        digest, kind = config.pop("digest"), config.pop("model_type")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Corrupt(f"{place / CONFIG}: is no config of hashret: give a folder that save_pretrained wrote") from error
    if kind != "hashret":
        raise Corrupt(f"{place / CONFIG}: is a model of {kind}: give a folder that save_pretrained wrote")
    weights, state = _bytes(place, WEIGHTS), _state(place, config)
    settings = json.dumps({**config, "state": state}, sort_keys=True)
    if sha256(settings.encode() + b"\n" + weights).hexdigest() != digest:
        raise Corrupt(f"{folder}: does not hash to its digest {digest[:12]}: fetch or copy the folder again")
    return settings, weights


def card(settings: str, figures: dict[str, Any], reads: str) -> str:
    """The README.md of a model: its figures as a table, how to use it, and every setting.

    `settings` is the JSON of `Hasher.to_bytes`, `figures` are what training left behind, `reads` is what it encodes.
    """
    config = json.loads(settings)
    rows = "\n".join(f"| {name} | {value} |" for name, value in figures.items())
    chosen = "\n".join(f"| {name} | {_shown(value)} |" for name, value in sorted(config["settings"].items()))
    return _CARD.format(rows=rows, chosen=chosen, call=_CALLS[reads], reads=reads, bits=config["settings"]["bits"])


_CALLS = {
    "text": '["a text", "another"]',
    "image": "images",
    "vector": "embeddings",
    "matrix": "rows",
}
_CARD = """---
library_name: hashret
tags:
- semantic-hashing
- binary-codes
- similarity-search
---

# Binary codes of {bits} bits

A model of hashret, learned without labels. It gives each {reads} a code of {bits} bits: similar ones differ in few.
No figure of retrieval is claimed here: `hashret evaluate` measures it on data of your own.

| of the model | |
|---|---|
{rows}

```python
import hashret

hasher = hashret.Hasher.from_pretrained("this/folder")
codes = hasher.encode({call})  # uint8 (n, {bits} / 8), most significant bit first
engine = hashret.Engine.create("my.db", hasher)
```

| setting of training | |
|---|---|
{chosen}
"""


def _shown(value: Any) -> str:
    """A setting as the command line writes it."""
    if isinstance(value, list):
        return ",".join(map(str, value)) or "0"
    return "" if value is None else str(value)


def _state(place: Path, config: dict[str, Any]) -> str:
    """The tokenizer, of models that have one."""
    return _bytes(place, TOKENIZER).decode("utf-8", "replace") if config.get("kind") == "text" else ""


def _bytes(place: Path, name: str) -> bytes:
    """The bytes of a file; raises `Corrupt` if it is missing."""
    try:
        return (place / name).read_bytes()
    except FileNotFoundError as error:
        raise Corrupt(f"{place}: has no {name}: fetch or copy the folder again") from error


def _write_whole(path: Path, content: bytes) -> None:
    """Put a file in place when all of it is written."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
