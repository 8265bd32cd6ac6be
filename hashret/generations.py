"""Generations: a new model trained beside the one in use, and every entry encoded by it, in steps that can be resumed.

What it learns from and encodes is what the file holds: texts, or the vectors kept of images and embeddings. Where it
holds neither, the entries must be given again, and those are encoded that are stored just as they are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from hashret import curve
from hashret.embed import Embedder, same_vectors
from hashret.features import Image, Vector
from hashret.hasher import Hasher, Progress
from hashret.inputs import Entry
from hashret.searching import Searcher
from hashret.settings import Settings
from hashret.stream import batches, reservoir, watched
from indexer.bits import Ids
from indexer.errors import Corrupt, InvalidInput, Mismatch, NotFound
from indexer.index import Index
from indexer.rows import Generation, Lacking, Model
from indexer.store import Store
from indexer.succession import Succession

BATCH = 2048  # entries a transaction
BESIDE = "beside"  # names the model that is not in use, whatever its digest


@dataclass(slots=True)
class Beside:
    """The model beside the one in use, read once: what is stored is encoded by it as well, if there is one."""

    store: Store
    embed: Embedder | None  # of the model in use
    _number: int = 0
    _hasher: Hasher | None = None

    def encode(self, ids: Ids, contents: Sequence[Any], digests: Sequence[bytes]) -> None:
        """Give entries that were just stored their codes; what is lost here is made up for by `encode_rest`."""
        number = self.store.succession.beside()
        if number and number != self._number:
            try:
                self._hasher, self._number = hasher_of(self.store.succession, number, self.embed), number
            except NotFound:  # dropped since the line before
                return
        if number and self._hasher is not None:
            self.store.succession.put(number, ids.tolist(), digests, self._hasher.encode(contents))


def hasher_of(succession: Succession, number: int, embed: Embedder | None) -> Hasher:
    """A model of the file; `embed` of the one in use knows its function, which that of another does not."""
    model = succession.model(number)
    hasher = Hasher.from_bytes(model.settings, model.weights)
    if hasher.embed is None or embed is None or hasher.embed.name != embed.name:
        return hasher
    return replace(hasher, embed=embed)


def beside(store: Store) -> Store:
    """The store by the model beside; raises `NotFound` without one."""
    number = store.succession.beside()
    if not number:
        raise NotFound(f"{store.path}: no model stands beside the one in use: make one by `hashret reencode`")
    return store.of(number)


def find(store: Store, name: str) -> Generation:
    """The model whose digest begins so, or `BESIDE`; raises `NotFound` naming those that there are."""
    held = store.succession.generations()
    found = [one for one in held if one.digest.startswith(name) or (name == BESIDE and not one.in_use)]
    if len(found) != 1 or not name:
        names = " and ".join(f"{one.digest[:12]} ({'in use' if one.in_use else BESIDE})" for one in held)
        raise NotFound(f"{store.path}: no one model is named {name!r}: it has {names}")
    return found[0]


def reencode(
    now: Searcher, model: Hasher | Settings | None, entries: Iterable[Entry] | None, progress: Progress
) -> Generation:
    """See `Engine.reencode`."""
    _check_source(now, entries)
    again = list(entries) if entries is not None and iter(entries) is entries else entries
    succession = now.index.store.succession
    number = succession.beside()
    if number:
        _check_same(now, hasher_of(succession, number, None), model)
    else:
        made = model if isinstance(model, Hasher) else _train(now, model, again, progress)
        check_fits(now, made)
        curve.keep(now.index.store, made.digest, made.curve)
        number = succession.begin(Model(0, made.bits, made.digest, *made.to_bytes()))
    if again is None:
        encode_rest(now, progress)
    else:
        _encode_given(now, number, again, progress)
    return next(one for one in succession.generations() if not one.in_use)


def encode_rest(now: Searcher, progress: Progress) -> None:
    """Give every entry that has none its code by the model beside, a transaction a batch; does nothing if all have.

    Raises `NotFound` if there is no model beside, `Mismatch` if it is dropped meanwhile.
    """
    succession = now.index.store.succession
    number, after = succession.beside(), 0
    hasher: Hasher | None = None
    while number:
        page = succession.lacking(after, BATCH)
        if not page and after == 0:
            return
        if page:
            hasher = hasher or hasher_of(succession, number, now.hasher.embed)
            _check_source(now, None)
            ids, digests = [one.id for one in page], [one.digest for one in page]
            _put(now, number, (ids, digests), hasher.encode(_contents(now, page)), progress)
        after = page[-1].id if page else 0  # from the start again: for what has changed behind us


def promote(now: Searcher, progress: Progress) -> Searcher:
    """See `Engine.promote`; what searches from now on."""
    succession = now.index.store.succession
    number = succession.beside()
    # Read before the switch, so that damage is found before it takes over.
    hasher = hasher_of(succession, number, now.hasher.embed) if number else now.hasher
    while not succession.promote(number):  # another process may store entries between these two
        encode_rest(now, progress)
    return Searcher(Index(now.index.store.of(number)), hasher, now.vectors)


def settings_beside(now: Hasher, given: dict[str, Any]) -> Settings:
    """The settings of the model in use with others in place of some; what a kind decides, the new kind decides."""
    old, plain = now.settings, Settings()
    usual = Settings(kind=old.kind).resolved(now.kind)
    names = [item.name for item in fields(Settings)]
    asked = {name: getattr(old, name) for name in names if getattr(old, name) != getattr(usual, name)}
    return replace(plain, **({"kind": old.kind} | asked | given))


def check_fits(now: Searcher, new: Hasher) -> None:
    """Raise `InvalidInput` if a model cannot encode what the file is for, or does not read the vectors it keeps."""
    old, path = now.hasher.features, now.index.store.path
    if new.reads != now.hasher.reads:
        raise InvalidInput(f"the new model encodes {new.reads}, the entries are of kind {now.hasher.reads}")
    if now.vectors and not same_vectors(new.embed, now.hasher.embed):
        raise InvalidInput(f"{path}: keeps vectors that the new model does not read: index into a new file")
    widths = [one.width for one in (old, new.features) if isinstance(one, Vector) and new.embed is None]
    if len(set(widths)) > 1:
        raise InvalidInput(
            f"the new model reads embeddings of {widths[1]} dimensions, those of {path} have {widths[0]}: "
            "index others into a new file"
        )
    if now.vectors and isinstance(old, Image) and new.features != old:
        raise InvalidInput(
            f"{path}: keeps vectors of {_shape(old)}, the new model reads {_shape(new.features)}: "
            "train one of the same image_size, or index into a new file"
        )


def _check_source(now: Searcher, entries: Iterable[Entry] | None) -> None:
    """Raise `InvalidInput` if contents are to come from where they are not, or from two places."""
    held = now.vectors or now.hasher.reads == "text"
    if held and entries is not None:
        kept = "vectors" if now.vectors else "texts"
        raise InvalidInput(f"{now.index.store.path}: holds the {kept} to encode: give no entries, no PATH")
    if not held and entries is None:
        raise InvalidInput(
            f"{now.index.store.path}: holds codes of kind {now.hasher.reads} and not what they are of: "
            "give the entries, PATH..., to `hashret reencode` again"
        )


def _check_same(now: Searcher, there: Hasher, model: Hasher | Settings | None) -> None:
    """Raise `Mismatch` if a model was asked for that is not the one beside."""
    path = now.index.store.path
    asked = model.resolved(there.kind) if isinstance(model, Settings) else None
    other = model.digest != there.digest if isinstance(model, Hasher) else asked not in (None, there.settings)
    if other:
        raise Mismatch(
            f"{path}: model {there.digest[:12]} stands beside already, which is not the one asked for: "
            "promote or drop it first"
        )


def _train(now: Searcher, settings: Settings | None, entries: Iterable[Entry] | None, progress: Progress) -> Hasher:
    """Learn a model from a random sample of what there is; as `Engine.fit` it goes on from PATH.training."""
    path, kind = now.index.store.path, now.hasher.kind
    chosen = settings or settings_beside(now.hasher, {})
    size = now.hasher.settings.image_size
    if now.vectors and kind == "image" and chosen.image_size != size:
        raise InvalidInput(f"{path}: keeps vectors of images of {size} pixels: image_size cannot be another")
    contents = _stored(now) if entries is None else (entry.content for entry in watched(entries, BATCH, progress))
    sample: Any = reservoir(contents, chosen.sample, chosen.seed)
    embed = now.hasher.embed
    if embed is not None and not now.vectors:
        sample = embed.vectors(sample, progress=progress)
    made = Hasher.fit(sample, chosen, progress, None if path == ":memory:" else f"{path}.training")
    return made if embed is None else replace(made, embed=embed)


def _stored(now: Searcher) -> Iterator[Any]:
    """The contents of all entries."""
    for page in now.index.store.pages(BATCH):
        if now.vectors:
            rows = now.index.store.vectors(np.array([row.id for row in page], dtype=np.int64))
            yield from _pictured(now, rows)
        else:
            yield from (row.content or "" for row in page)


def _contents(now: Searcher, page: Sequence[Lacking]) -> Any:
    """What to encode of some entries."""
    if now.vectors:
        bare = next((one.key for one in page if one.vector is None), None)
        if bare is not None:
            raise Corrupt(f"{now.index.store.path}: entry {bare!r} has no vector: restore the file from a copy")
        return _pictured(now, [one.vector for one in page])
    return [one.content or "" for one in page]


def _pictured(now: Searcher, rows: Iterable[Any]) -> list[Any]:
    """Kept vectors as contents: of images the pixels, which float16 holds exactly and int8 to within a grey level."""
    features = now.hasher.features
    return [features.picture(row) for row in rows] if isinstance(features, Image) else list(rows)


def _encode_given(now: Searcher, number: int, entries: Iterable[Entry], progress: Progress) -> None:
    """Encode those entries that are stored as they are given and have no code by the model beside."""
    succession = now.index.store.succession
    hasher = hasher_of(succession, number, now.hasher.embed)
    for batch in batches(entries, BATCH):
        known = succession.lacking_keys([entry.key for entry in batch])
        same = (one for one in batch if one.key in known and known[one.key][1] == one.digest())
        fits = list({one.key: one for one in same}.values())  # a key may come twice
        if fits:
            ids, digests = [known[one.key][0] for one in fits], [known[one.key][1] for one in fits]
            _put(now, number, (ids, digests), hasher.encode([one.content for one in fits]), progress)


def _put(now: Searcher, number: int, who: tuple[list[int], list[bytes | None]], codes: Any, progress: Progress) -> None:
    """One transaction."""
    succession = now.index.store.succession
    if not succession.put(number, *who, codes):
        raise Mismatch(f"{now.index.store.path}: the model beside was dropped while entries were encoded")
    done = next((one for one in succession.generations() if one.id == number), None)
    if done:
        progress("encode", done.encoded, done.entries)


def _shape(features: Any) -> str:
    """Images as a model reads them."""
    return f"{'colour' if features.channels == 3 else 'grey'} images of {features.size} pixels"
