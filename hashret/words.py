"""Words: runs of letters and digits, and of Chinese and Japanese, which leave no spaces, every two characters in a row.

Pairs that overlap need no dictionary and find as well as words do (Kwok 1997, Comparing representations in Chinese
information retrieval). Of translated package descriptions told apart by section, codes of 64 bits have P@10 .61 in
Japanese and .48 in Chinese, by whole runs .46 and .34; by single characters, or by these beside the pairs, less.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType

WORD = r"[^\W_]+"  # letters and digits: snake_case and dotted.names fall apart into words
SPACELESS = re.compile(
    "[\u3005-\u3007\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"  # Han
)
STAND_INS = 8  # pairs that a character stands for that is alone and unknown


def spaceless(texts: Iterable[str]) -> bool:
    """Whether any text has Chinese or Japanese in it."""
    return any(not text.isascii() and SPACELESS.search(text) for text in texts)


def paired(text: str, lone: Mapping[str, str] = MappingProxyType({})) -> str:
    """A text whose runs of Chinese and Japanese are their pairs, with spaces between.

    A run of one character is what `lone` has for it, else that character. Those of full and half width are made the
    usual ones first (NFKC).
    """
    if text.isascii():
        return text

    def spaced(run: re.Match[str]) -> str:
        return f" {' '.join(_pairs(run[0])) if len(run[0]) > 1 else lone.get(run[0], run[0])} "

    return SPACELESS.sub(spaced, unicodedata.normalize("NFKC", text))


def around(words: Iterable[str]) -> dict[str, str]:
    """For each character that is no word itself the first `STAND_INS` pairs that have it, with spaces between."""
    pairs: dict[str, list[str]] = {}
    known = list(words)
    for word in known:
        for character in sorted(set(word)) if len(word) == 2 and SPACELESS.fullmatch(word) else ():
            pairs.setdefault(character, []).append(word)
    return {character: " ".join(pairs[character][:STAND_INS]) for character in pairs.keys() - set(known)}


def fold(word: str) -> str:
    """A word as it is compared: lower-case, without accents."""
    return "".join(part for part in unicodedata.normalize("NFKD", word) if not unicodedata.combining(part)).lower()


def found(text: str) -> Iterator[tuple[int, str]]:
    """Where each word of a text begins, and the word, folded."""
    for whole in re.finditer(WORD, text):
        done = whole.start()
        for run in SPACELESS.finditer(text, done, whole.end()):
            if done < run.start():
                yield done, fold(text[done : run.start()])
            for place, pair in enumerate(_pairs(run[0]), run.start()):
                yield place, fold(pair)
            done = run.end()
        if done < whole.end():
            yield done, fold(text[done : whole.end()])


def _pairs(run: str) -> list[str]:
    """Every two characters in a row, or the only one."""
    return ["".join(pair) for pair in pairwise(run)] or [run]
