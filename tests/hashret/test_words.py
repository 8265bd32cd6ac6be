import re
import unicodedata
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashret.words import around, fold, found, paired, spaceless

SPACELESS = "かガ猫犬々ー\U00020bb7"
MIXED = st.text("aB1 _.é・。" + SPACELESS, max_size=30)


def brute(text: str) -> list[tuple[int, str]]:
    """Where each word begins, and the word, character by character."""
    out = []
    for (pairs, letter), run in groupby(enumerate(text), lambda place: (place[1] in SPACELESS, place[1].isalnum())):
        places, letters = zip(*run, strict=True)
        if pairs and len(letters) > 1:
            out += [(at, "".join(pair)) for at, pair in zip(places, pairwise(letters), strict=False)]
        elif pairs or letter:
            out.append((places[0], "".join(letters)))
    return [(at, word.lower().replace("é", "e").replace("ガ", "カ")) for at, word in out]


@given(MIXED)
def test_words_are_found_where_they_are(text):
    assert list(found(text)) == brute(text)


@given(MIXED)
def test_what_is_paired_has_its_words_apart(text):
    assert [fold(word) for word in re.findall(r"[^\W_]+", paired(text))] == [word for _, word in brute(text)]
    assert spaceless(["abc", text]) == (not set(SPACELESS).isdisjoint(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ASCII,  as it is", "plain ASCII,  as it is"),
        ("", ""),
        ("猫", " 猫 "),
        ("Linux用のソフト", "Linux 用の のソ ソフ フト "),
        ("ﾃﾞｰﾀ ２版", " デー ータ  2 版 "),  # of half and of full width
        ("人々・猫", " 人々 ・ 猫 "),
        ("한국어 Élan", "한국어 Élan"),
    ],
)
def test_pairs_of_a_text(text, expected):
    assert paired(text) == expected
    assert paired(unicodedata.normalize("NFD", text)) == expected


def test_a_lone_character_is_what_stands_in_for_it():
    assert paired("猫、子猫 a", {"猫": "子猫 猫が", "子": "x"}) == " 子猫 猫が , 子猫  a".replace(",", "、")


def test_what_stands_around_a_character_is_the_first_eight_pairs_that_have_it():
    kittens = ["子猫", *(f"猫{chr(0x4E00 + n)}" for n in range(20))]
    stand_ins = around(["linux", "の", *kittens, "猫猫", "のが", "ab", "用a"])
    assert stand_ins["猫"] == " ".join(kittens[:8])
    assert stand_ins["子"] == "子猫"
    assert stand_ins["が"] == "のが"
    assert not {"の", "a", "b", "用", "l"} & set(stand_ins)
    assert around([]) == {}
    assert around(["猫猫"]) == {"猫": "猫猫"}
