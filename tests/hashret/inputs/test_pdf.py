"""PDF: pages, and every message about a broken, locked or empty one."""

import io
import logging
import sys
from pathlib import Path

import pypdf

from hashret.inputs import Entry, ReadOptions, Source
from tests.hashret.inputs.reading import message, read, write


def pdf(*pages):
    """The bytes of a PDF by hand; each page draws one line of ASCII, None is a page that draws nothing."""
    font, count = 3 + 2 * len(pages), len(pages)
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(count))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {count} >>")
    for number, text in enumerate(pages):
        fonts = f"/Resources << /Font << /F {font} 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] {fonts} /Contents {4 + 2 * number} 0 R >>"
        )
        drawn = "" if text is None else f"BT /F 12 Tf 72 700 Td ({text}) Tj ET"
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    out, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return (out + f"xref\n0 {size}\n0000000000 65535 f \n{table}{end}").encode()


def locked(data, password, algorithm="RC4-128"):
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(user_password=password, owner_password="owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_each_page_is_an_entry_beside_the_notes_of_a_folder():
    write("docs/sub/a.pdf", pdf("moon rocket", "bread butter"))
    write("docs/b.md", b"goal team")
    assert read("docs") == [
        Entry("b.md", "goal team", {"path": "docs/b.md"}),
        Entry("sub/a.pdf#page=1", "moon rocket", {"path": "docs/sub/a.pdf", "page": 1}),
        Entry("sub/a.pdf#page=2", "bread butter", {"path": "docs/sub/a.pdf", "page": 2}),
    ]


def test_pages_without_text_are_passed_over_one_by_one():
    write("a.pdf", pdf("moon", None, "bread", " "))
    source = Source(("a.pdf",), ReadOptions(on_error="skip"))
    assert [entry.key for entry in source] == ["a.pdf#page=1", "a.pdf#page=3"]
    why = "has no text: is it a picture that wants OCR first? --on-error skip passes it over"
    assert [str(problem) for problem in source.problems] == [f"a.pdf page 2: {why}", f"a.pdf page 4: {why}"]
    assert source.skipped == 2
    assert message("a.pdf") == f"a.pdf page 2: {why}"


def test_a_file_locked_by_a_password_says_so():
    write("docs/a.pdf", locked(pdf("moon"), "secret"))
    write("docs/b.pdf", locked(pdf("bread"), ""))
    assert message("docs") == "docs/a.pdf: is locked by a password: save it without one"
    source = Source(("docs",), ReadOptions(on_error="skip"))
    assert [entry.content for entry in source] == ["bread"]  # anyone may open it
    assert source.skipped == 1


def test_broken_files_are_passed_over_and_nothing_is_logged(caplog):
    whole = pdf("moon", "bread")
    write("docs/a.pdf", whole)
    write("docs/b.pdf", b"")
    write("docs/c.pdf", b"no PDF at all")
    write("docs/d.pdf", whole[:300])
    source = Source(("docs",), ReadOptions(on_error="skip"))
    assert [entry.key for entry in source] == ["a.pdf#page=1", "a.pdf#page=2"]
    assert [str(problem) for problem in source.problems] == [
        "docs/b.pdf: cannot be read as PDF (EmptyFileError): save it again",
        "docs/c.pdf: cannot be read as PDF (PdfStreamError): save it again",
        "docs/d.pdf: cannot be read as PDF (PdfStreamError): save it again",
    ]
    assert message("docs") == str(source.problems[0])
    assert caplog.records == []
    assert logging.getLogger("pypdf").level == logging.NOTSET


def test_a_broken_page_is_passed_over(monkeypatch):
    write("a.pdf", pdf("moon", "bread", "goal"))
    extract = pypdf.PageObject.extract_text

    def odd(page):
        text = extract(page)
        if text == "goal":
            raise pypdf.errors.DependencyError("cryptography is required for AES algorithm")
        return {}["Font"] if text == "moon" else "bre\0ad"

    monkeypatch.setattr(pypdf.PageObject, "extract_text", odd)
    source = Source(("a.pdf",), ReadOptions(on_error="skip"))
    assert list(source) == []
    assert [str(problem) for problem in source.problems] == [
        "a.pdf page 1: cannot be read as PDF (KeyError): save it again",
        "a.pdf page 2: character 4 is NUL: is it a binary file, or UTF-16 that --encoding should name?",
        "a.pdf page 3: pypdf does not read it alone: cryptography is required for AES algorithm, "
        "or save it without that",
    ]


def test_without_pypdf_the_extra_is_named_and_other_files_can_be_chosen(monkeypatch):
    write("docs/a.pdf", pdf("moon"))
    write("docs/b.md", b"bread")
    monkeypatch.setitem(sys.modules, "pypdf", None)
    assert message("docs") == (
        "docs/a.pdf: PDF is read by pypdf: pip install 'hashret[pdf]', or choose other files by --glob"
    )
    assert [entry.key for entry in read("docs", glob=("**/*.md",))] == ["b.md"]


def test_a_file_without_pages_or_permission_says_so(monkeypatch):
    write("a.pdf", pdf())
    assert message("a.pdf") == "a.pdf: has no entries: leave it out or fill it"

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert message("a.pdf") == "a.pdf: no permission to read it: change its mode or its owner"
