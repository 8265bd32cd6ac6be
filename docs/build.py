"""The site: `python -m docs.build [FOLDER]` makes HTML of every page of docs/ and of the README, into site/.

Plain Markdown in, one style sheet beside it, nothing from elsewhere and no scripts; what the browser prefers decides
between light and dark.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

DOCS = Path(__file__).parent
ROOT = DOCS.parent
FIRST = ("index.md", "install.md", "notes.md", "photos.md", "embeddings.md", "duplicates.md")  # the order to read in
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{up}style.css">
</head>
<body>
<nav>
{links}
</nav>
<main>
{body}
</main>
</body>
</html>
"""


def sources() -> dict[Path, Path]:
    """Each page of Markdown with its place in the site, in the order to read."""
    found = sorted(DOCS.glob("*.md"), key=lambda path: [*FIRST, path.name].index(path.name))
    found += sorted((DOCS / "commands").glob("*.md"))
    places = {path: path.relative_to(DOCS).with_suffix(".html") for path in found}
    return {**places, ROOT / "README.md": Path("manual.html")}


def build(folder: Path) -> None:
    """All pages, their pictures and the style sheet."""
    pages = sources()
    titles = {path: title(path.read_text()) for path in pages}
    for path, place in pages.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        up = "../" * (len(place.parts) - 1)
        shown = [one for one in pages if one.parent != DOCS / "commands" or place.parts[0] == "commands"]
        links = [f'<a href="{up}{pages[one].as_posix()}"{_here(one, path)}>{escape(titles[one])}</a>' for one in shown]
        body = html(path.read_text(), path, pages)
        target.write_text(PAGE.format(title=escape(titles[path]), up=up, links="\n".join(links), body=body))
        for picture in pictures(path):
            shutil.copy(picture, target.parent / picture.name)
    shutil.copy(DOCS / "style.css", folder)


def pictures(path: Path) -> list[Path]:
    """The picture files that a page shows."""
    return [path.parent / name for name in re.findall(r"!\[[^\]]*\]\(([^):]+)\)", path.read_text())]


def _here(one: Path, path: Path) -> str:
    """The mark of the page that one is on."""
    return ' aria-current="page"' if one == path else ""


def title(text: str) -> str:
    """The first heading."""
    return re.search(r"^# (.*)", text, re.MULTILINE)[1]


def html(text: str, path: Path, pages: dict[Path, Path]) -> str:
    """The HTML of a page, headings with ids as GitHub gives them, links to pages turned to their HTML."""
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(text)
    for token, inside in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and inside is not None:
            token.attrSet("id", slug(inside.content))
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", target(str(child.attrGet("href")), path, pages))
            elif child.type == "image":
                child.attrSet("src", Path(str(child.attrGet("src"))).name)
    return str(parser.renderer.render(tokens, parser.options, {}))


def slug(heading: str) -> str:
    """The id of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def target(href: str, path: Path, pages: dict[Path, Path]) -> str:
    """Where a link of a page leads in the site; links to files outside of it stay as they are."""
    file, mark, part = href.partition("#")
    found = (path.parent / file).resolve()
    if not file or found not in pages:
        return href
    return os.path.relpath(pages[found], pages[path].parent).replace(os.sep, "/") + mark + part


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "site")
    build(place)
    print(place / "index.html")
