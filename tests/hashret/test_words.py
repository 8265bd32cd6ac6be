import re
import unicodedata
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashret.words import fold, found, leaves_no_spaces, spaced, stand_ins

TWOS, THREES = "かガ猫犬々ー\U00020bb7", "ไทยี่ខ្មែမြ"
MIXED = st.text("aB1 _.é・。" + TWOS + THREES, max_size=30)


def brute(text: str) -> list[tuple[int, str]]:
    """Where each word begins, and the word, character by character."""
    kinds = [2 if c in TWOS else 3 if c in THREES else int(c.isalnum()) for c in text]
    out = []
    for kind, run in groupby(range(len(text)), kinds.__getitem__):
        places = list(run)
        if kind > 1 and len(places) > kind:
            out += [(at, text[at : at + kind]) for at in places[: 1 - kind]]
        elif kind:
            out.append((places[0], text[places[0] : places[-1] + 1]))
    return [(at, unicodedata.normalize("NFC", word.lower().replace("é", "e"))) for at, word in out]


@given(MIXED)
def test_words_are_found_where_they_are(text):
    assert list(found(text)) == brute(text)


@given(MIXED)
def test_what_is_spaced_has_its_words_apart(text):
    usual = unicodedata.normalize("NFKC", text)
    assert [fold(word) for word in re.findall(r"[^\s_.・。]+", spaced(text))] == [word for _, word in brute(usual)]
    assert leaves_no_spaces(["abc", text]) == (not set(TWOS + THREES).isdisjoint(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ASCII,  as it is", "plain ASCII,  as it is"),
        ("", ""),
        ("猫", " 猫 "),
        ("Linux用のソフト", "Linux 用の のソ ソフ フト "),
        ("ﾃﾞｰﾀ ２版", " デー ータ  2 版 "),  # of half and of full width
        ("人々・猫", " 人々 ・ 猫 "),
        ("ภาษาไทย 5 ปี", " ภาษ าษา ษาไ าไท ไทย  5  ปี "),
        ("ខ្មែរ\u200bမြ", " ខ្ម ្មែ មែរ \u200b မြ "),
        ("한국어 Élan", "한국어 Élan"),
    ],
)
def test_words_of_a_text(text, expected):
    assert spaced(text) == expected
    assert spaced(unicodedata.normalize("NFD", text)) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("ÉLAN", "elan"), ("がデ", "がデ"), ("ปี่", "ปี่"), ("हिन्दी", "हनद"), ("한국", "한국"), ("ﬁ", "fi")],
)
def test_marks_of_scripts_without_spaces_are_no_accents(word, expected):
    assert fold(word) == fold(unicodedata.normalize("NFD", word)) == expected


def test_a_run_that_is_too_short_is_what_stands_in_for_it():
    assert spaced("猫、子猫 a ปี", {"猫": "子猫 猫が", "子": "x", "ปี": "ปีใ"}) == " 子猫 猫が 、 子猫  a  ปีใ "


def test_what_stands_in_for_a_part_is_the_first_eight_words_that_have_it():
    kittens = ["子猫", *(f"猫{chr(0x4E00 + n)}" for n in range(20))]
    whole = stand_ins(["linux", "の", *kittens, "猫猫", "のが", "ab", "用a", "ปีใ", "สปี"])
    assert whole["猫"] == " ".join(kittens[:8])
    assert (whole["子"], whole["が"]) == ("子猫", "のが")
    assert (whole["ปี"], whole["ป"], whole["ใ"], whole["สป"]) == ("ปีใ สปี", "ปีใ สปี", "ปีใ", "สปี")
    assert not {"の", "a", "b", "用", "l", "ปีใ", "リ"} & set(whole)
    assert stand_ins([]) == {}
    assert stand_ins(["猫猫"]) == {"猫": "猫猫"}
