"""The language of conditions: what each text and mapping means, and what is said of those that mean nothing."""

import numpy as np
import pytest

from indexer import Index
from indexer.errors import InvalidInput
from indexer.where import DEEPEST, MOST, READ, Comparison, Every, Not, Some, comparisons, condition

EN, YEAR, DRAFT = (
    Comparison("lang", "=", ("en",)),
    Comparison("year", ">=", (2000,)),
    Comparison("draft", "=", ("true",)),
)
MISSING = Not(Comparison("lang", "has"))


@pytest.mark.parametrize(
    ("text", "mapping", "meant"),
    [
        ("lang=en", {"lang": "en"}, EN),
        (" lang  ==  'en' ", {"lang": {"$eq": "en"}}, EN),
        ("lang != en", {"lang": {"$ne": "en"}}, Not(EN)),
        ("lang <> en", {"$not": {"lang": "en"}}, Not(EN)),
        ("NOT lang = en", {"lang": {"$not": {"$eq": "en"}}}, Not(EN)),
        ("year>=2000", {"year": {"$gte": 2000}}, YEAR),
        ("year<2000.5", {"year": {"$lt": 2000.5}}, Comparison("year", "<", (2000.5,))),
        ("day > 2024-01-31", {"day": {"$gt": "2024-01-31"}}, Comparison("day", ">", ("2024-01-31",))),
        ("day <= '2024'", {"day": {"$lte": "2024"}}, Comparison("day", "<=", ("2024",))),
        ("lang in (en, 'd e')", {"lang": ["en", "d e"]}, Comparison("lang", "=", ("en", "d e"))),
        ("lang not in (en,de)", {"lang": {"$nin": ("en", "de")}}, Not(Comparison("lang", "=", ("en", "de")))),
        ("lang = null", {"lang": None}, MISSING),
        ("lang in (null, en)", {"lang": {"$in": [None, "en"]}}, Some((EN, MISSING))),
        ("lang = 'null'", {"lang": "null"}, Comparison("lang", "=", ("null",))),
        ("draft=true", {"draft": True}, DRAFT),
        ("lang=en and year>=2000", {"lang": "en", "year": {"$gte": 2000}}, Every((EN, YEAR))),
        ("lang=en or year>=2000", {"$or": [{"lang": "en"}, {"year": {"$gte": 2000}}]}, Some((EN, YEAR))),
        (
            "draft=true or lang=en and year>=2000",
            {"$or": [{"draft": True}, {"$and": [{"lang": "en"}, {"year": {"$gte": 2000}}]}]},
            Some((DRAFT, Every((EN, YEAR)))),
        ),
        (
            "(draft=true or lang=en) and not year>=2000",
            {"$or": [{"draft": True}, {"lang": "en"}], "$not": {"year": {"$gte": 2000}}},
            Every((Some((DRAFT, EN)), Not(YEAR))),
        ),
        ("not(not(draft=true))", {"$not": {"$not": {"draft": "true"}}}, DRAFT),
    ],
)
def test_a_text_and_a_mapping_say_the_same(text, mapping, meant):
    flat = str(condition(text)).replace(
        "Every(parts=(Comparison(field='lang', operator='=', values=('en',)),))", str(EN)
    )
    assert flat == str(meant).replace(f"Every(parts=({EN},))", str(EN))
    assert condition(mapping) == meant
    assert condition(meant) is meant


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("url=http://x.org/?a=b&c<d", "url", "http://x.org/?a=b&c<d"),
        ("a.b/c-d=it's", "a.b/c-d", "it's"),
        ("'or' = ''", "or", ""),
        (r'"a \"b\" \\" = "(,)"', 'a "b" \\', "(,)"),
        ("order=inner", "order", "inner"),
        ("é=日本", "é", "日本"),
        ("n=007", "n", "007"),
        ("x=null ", "x", None),
    ],
)
def test_names_and_values_of_a_text(text, field, value):
    assert condition(text) == (Not(Comparison(field, "has")) if value is None else Comparison(field, "=", (value,)))


def test_numbers_of_numpy_are_numbers():
    assert condition({"n": np.int64(3), "x": {"$lt": np.float64(0.5)}, "b": np.bool_(True)}) == Every(
        (Comparison("n", "=", ("3",)), Comparison("x", "<", (0.5,)), Comparison("b", "=", ("true",)))
    )


def test_nothing_asked_is_everything():
    assert condition({}) == Every(())
    assert condition({"x": []}) == Some(())


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", "where '': at its end: the name of a field is missing: write FIELD=VALUE, as lang=en"),
        ("lang", "where 'lang': at its end: an operator is missing: write FIELD=VALUE; or != < <= > >= in, not in"),
        ("lang=", "where 'lang=': at its end: a value is missing: write FIELD=VALUE, as lang=en"),
        (
            "lang=old english",
            "where 'lang=old english': at 'english', character 10: this is neither and nor or: "
            "put a value with blanks into quotes",
        ),
        ("(a=1", "where '(a=1': at its end: a ) is missing: close what was opened"),
        ("a in b", "where 'a in b': at 'b', character 6: a ( is missing: write lang in (en, de)"),
        (
            "a in (b c)",
            "where 'a in (b c)': at 'c)', character 9: a , or ) is missing: put a value with blanks into quotes",
        ),
        ("a in ()", "where 'a in ()': at ')', character 7: a value is missing: write FIELD=VALUE, as lang=en"),
        ("a not b", "where 'a not b': at 'b', character 7: here should stand in: write lang not in (en, de)"),
        ("a='b", "where \"a='b\": at \"'b\", character 3: a quote is not closed: write FIELD=VALUE, as lang=en"),
        ("or=3", "where 'or=3': at 'or=3', character 1: the name of a field is missing: write FIELD=VALUE, as lang=en"),
        ("a<1e999", "where 'a<1e999': is inf, which no meta can hold: give a number"),
        ({"a": {"$gt": True}}, "where['a']['$gt']: is True: give a number or a text, only they have an order"),
        ({"a": {"$regex": "x"}},
         "where['a']['$regex']: there is no such operator: here may stand "
         "$eq, $ne, $in, $nin, $lt, $lte, $gt, $gte, $not"),
        ({"$nor": []}, "where['$nor']: there is no such operator: here may stand $and, $or, $not"),
        ({"$or": []}, "where['$or']: is no list of conditions: give at least one mapping in a list"),
        ({"$or": ["a=1"]}, "where['$or'][0]: is no condition: give a mapping, as {\"lang\": \"en\"}"),
        ({"a": {}}, "where['a']: asks for nothing: give a value, or operators as {'$gte': 2000}"),
        ({"a": {"$in": "en"}}, "where['a']['$in']: is no list: give a list of values"),
        ({"a": [["b"]]}, "where['a']: is of type list: give text, a number, true, false or null"),
        ({"a": float("nan")}, "where['a']: is nan, which no meta can hold: give a number"),
        ({3: "a"}, "where[3]: the name is no text: give the name of a field"),
        (3, "where is of type int: give {\"lang\": \"en\"} or \"lang = en\""),
        (" or ".join(["a=1"] * (MOST + 1)),
         "where: has more than 500 comparisons: list values, as year in (2000, 2001)"),
    ],
)  # fmt: skip
def test_what_is_no_condition_is_told(where, message):
    with pytest.raises(InvalidInput) as caught:
        condition(where)
    assert str(caught.value) == message


def test_joints_within_their_like_are_one_and_a_not_of_a_not_is_none():
    one, two, three = (Comparison("n", "=", (str(number),)) for number in (1, 2, 3))
    assert condition("n = 1 and (n = 2 and (n = 3))") == Every((one, two, three))
    assert condition(Some((one, Some((two, Every((three,))))))) == Some((one, two, three))
    assert condition("not not not n = 1") == Not(one)
    assert condition(Not(Not(Every((one, two))))) == Every((one, two))


def test_whatever_may_be_asked_sqlite_reads():
    """Its parser has room for a hundred tokens: so deep, and no deeper, is what is not refused."""
    with Index.create(":memory:", 8) as index:
        index.add(["a", "b"], np.zeros((2, 1), np.uint8), metas=[{"n": 1}, {"n": 2}])
        text, mapping = "n = 1", {"n": 1}
        for level in range(DEEPEST):
            text = f"(n = {1 if level % 2 else 3} {'and' if level % 2 else 'or'} {text})"
            mapping = {"$not": {"$and": [{"n": 2}, mapping]}} if level % 2 else mapping
        for where in (text, mapping, "not " * 99 + "n = 2"):
            assert index.store.where(where).tolist() in ([1], [1, 2])
        for where in (f"n = 1 and (n = 3 or {text})", {"$not": {"$and": [{"n": 2}, mapping]}}):
            with pytest.raises(InvalidInput, match=r"^where: is nested deeper than 16: write it flatter$"):
                condition(where)


def test_what_is_nested_too_deeply_is_told():
    nested = {"a": 1}
    for _ in range(READ + 1):
        nested = {"$not": nested}
    with pytest.raises(InvalidInput, match="where: is nested deeper than 100: write it"):
        condition(nested)
    with pytest.raises(InvalidInput, match="character 201: this is nested deeper than 100: write it"):
        condition("( " * 101 + "a=1" + ")" * 101)
    assert len(list(comparisons(condition("(" * 99 + "a=1" + ")" * 99)))) == 1


@pytest.mark.parametrize("where", [{"n": "\ud800"}, {"\ud800": 1}, "n > \ud800", {"n": {"$in": ["a", "\ud800"]}}])
def test_a_text_that_no_meta_can_hold_is_told(where):
    with pytest.raises(InvalidInput, match=r"^where: '\\ud800' holds what UTF-8 cannot write: give another text$"):
        condition(where)


@pytest.mark.parametrize("digits", [301, 5000])
def test_numbers_too_long_for_any_meta_are_told(digits):
    for where in ({"n": 10**digits}, {"n": {"$lt": -(10**digits)}}):
        with pytest.raises(InvalidInput, match=r": is a number of over 300 digits: give another$"):
            condition(where)
    if digits > 308:
        with pytest.raises(InvalidInput, match=r": is inf, which no meta can hold: give a number$"):
            condition("n < " + "9" * digits)


def test_a_text_is_known_to_its_first_nul():
    assert condition({"n": "a\0b"}) == condition({"n": "a"})
