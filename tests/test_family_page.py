"""docs/family.md is what its script makes, names every part of the family, and every line of settings on it works."""

import re

import pytest

from benchmarks.family import page
from hashret import family
from hashret.settings import Settings
from indexer.errors import InvalidInput

TEXT = page.PAGE.read_text()
TABLES = ("NETS", "CORRUPTIONS", "BINARIZERS", "PENALTIES", "OBJECTIVES", "LOSSES", "STARTS", "KINDS")
LINES = re.findall(r"^Settings\(.*\)", TEXT, re.MULTILINE)


def resolves(chosen: Settings, contents: str) -> bool:
    try:
        chosen.resolved(contents)
    except InvalidInput:
        return False
    return True


def test_the_page_is_what_the_script_makes():
    assert page.page() == TEXT


@pytest.mark.parametrize("name", TABLES)
def test_every_part_is_on_the_page(name):
    missing = [part for part in getattr(family, name) if f"`{part}`" not in TEXT]
    assert not missing


def test_every_kind_and_binarizer_has_a_line_of_settings():
    chosen = [eval(line, {"Settings": Settings}) for line in LINES]
    assert {one.kind for one in chosen} == set(family.KINDS)
    made = {
        one.resolved(contents).binarizer for one in chosen for contents in family.CONTENTS if resolves(one, contents)
    }
    assert made == set(family.BINARIZERS)


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_settings_resolves(line):
    chosen = eval(line, {"Settings": Settings})
    assert any(resolves(chosen, contents) for contents in family.CONTENTS)


def test_every_picture_is_there_and_small():
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT):
        assert (page.PAGE.parent / name).stat().st_size < 150_000, name


def test_no_figure_is_missing():
    assert "not run yet" not in TEXT


def test_a_template_line_is_replaced_by_the_source_of_what_it_names():
    shown = page.source("hashret.model.binarize:linear")
    assert shown.startswith("```python\ndef linear(")
    assert shown.endswith("return values\n```")
