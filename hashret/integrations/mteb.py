"""`HashretSearch`: hashret as a search engine that MTEB evaluates, by its `SearchProtocol`.

It learns codes of the corpus that it is given to index, without labels and without a look at queries or judgements, and
ranks the `top_k` nearest codes of each query by the finer score. So MTEB measures the whole of what a user gets:

    mteb.evaluate(HashretSearch(hashret.Settings(bits=128)), tasks=mteb.get_tasks(["SciFact"]))

MTEB itself is imported when it asks for the metadata of the model. Not here: models of embeddings alone, which MTEB
evaluates by another protocol; `embed` puts codes on top of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

import hashret
from hashret.embed import name_of
from hashret.engine import Engine
from hashret.inputs import Entry
from hashret.inputs.images import decoded
from hashret.searching import Searcher
from hashret.settings import Settings
from indexer.bits import Ids
from indexer.errors import InvalidInput, NotFound, NotInstalled

BLOCK = 256  # queries at a time


class HashretSearch:
    """A search engine for MTEB.

    settings  how codes are learned
    embed     what makes vectors of texts or images (see `hashret.embed`), or None for codes of the texts themselves
    vectors   whether these vectors are kept, as float16, to rank by their cosine

    After `index`, `engine` is what searches.
    """

    def __init__(self, settings: Settings | None = None, embed: Any = None, vectors: bool = False) -> None:
        self.settings = settings or Settings()
        self.embed = embed
        self.vectors = vectors
        self.engine: Engine | None = None

    def index(self, corpus: Any, **_: Any) -> None:
        """Learn codes of a corpus, rows of id, text and perhaps title, or of id and image, and hold it in memory."""
        if self.engine is not None:
            self.engine.close()
        entries = [Entry(str(row["id"]), _content(row)) for row in corpus]
        self.engine = Engine.fit(":memory:", entries, self.settings, vectors=self.vectors, embed=self.embed)

    def search(
        self, queries: Any, *, top_k: int, top_ranked: Mapping[str, list[str]] | None = None, **_: Any
    ) -> dict[str, dict[str, float]]:
        """The score of each of the `top_k` nearest entries, or of those `top_ranked` for each query, by query and key.

        Raises `NotFound` before `index`.
        """
        if self.engine is None:
            raise NotFound("nothing is indexed yet: call index with a corpus first")
        rows = list(queries)
        found: dict[str, dict[str, float]] = {}
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            given = None if top_ranked is None else [top_ranked.get(str(row["id"]), []) for row in part]
            names = [str(row["id"]) for row in part]
            found |= zip(names, _scored(self.engine, [_content(row) for row in part], top_k, given), strict=True)
        return found

    @property
    def mteb_model_meta(self) -> Any:
        """What MTEB is told of the model; raises `NotInstalled` without MTEB."""
        try:
            from mteb.models.model_meta import ModelMeta
        except ImportError as error:
            raise NotInstalled("MTEB's metadata is made by MTEB: pip install 'hashret[mteb]'") from error
        usual = asdict(Settings())
        chosen = {name: value for name, value in asdict(self.settings).items() if value != usual[name]}
        embed = {} if self.embed is None else {"embed": name_of(self.embed), "vectors": self.vectors}
        about = {
            "name": f"hashret/codes-{self.settings.bits}",
            "revision": hashret.__version__,
            "license": "apache-2.0",
            "open_weights": True,
            "use_instructions": False,
            "embed_dim": self.settings.bits,
            "experiment_kwargs": {**chosen, **embed} or None,
        }
        return ModelMeta.create_empty(overwrites=about)


def _scored(engine: Engine, contents: list[Any], k: int, given: list[list[str]] | None) -> Iterator[dict[str, float]]:
    """For each query the finer score of its k nearest entries, or of those with the keys given."""
    rows = engine.hasher.rows(contents, query=True)
    codes, sides = engine.hasher.weights.ask(rows)
    searcher = Searcher(engine.index, engine.hasher, engine.index.store.keeps_vectors)
    nearest: list[Ids]
    if given is None:
        nearest = [ids[ids >= 0] for ids in engine.index.search(codes, k).ids]
    else:
        nearest = [np.sort(engine.index.ids(keys)) for keys in given]
    for number, ids in enumerate(nearest):
        scores = searcher.scores(sides[number], rows, number, ids) if len(ids) else np.zeros(0)
        yield dict(zip(engine.index.keys(ids), scores.tolist(), strict=True))


def _content(row: Mapping[str, Any]) -> Any:
    """The title and text of a row, with the instruction of a query, or its image."""
    if row.get("text") is not None:
        parts = (row.get("title"), row["text"], row.get("instruction"))
        return " ".join(part for part in parts if part)
    if row.get("image") is not None:
        return decoded(row["image"])
    raise InvalidInput(f"{row['id']}: has neither text nor an image: its fields are {', '.join(row)}")
