"""The documentation of this very Python as a corpus: `python data/pydocs.py out.jsonl`.

One JSON line for each documented module, class, function and method:
{"id": "shutil.copytree", "text": "shutil.copytree (blank line) Recursively copy ...", "module", "kind", "library"}.

What is in it, in this order, and the same each time for the same installation:
- The standard library, whole ("python"). Sources are parsed, not imported; modules without a source, and a few whose
  functions are written in C, are imported and asked.
- The libraries that hashret needs, and those that these need, nearest first; all that is installed if hashret is not.
  From each at most `LIBRARY_CAP` entries, the shallowest first: a class or function is known by the shortest public
  name that its packages give it, and methods come only when every class and function is in.
- No more than `CORPUS_CAP` in all.

What is not: private names, tests, vendored copies, docstrings under `SHORTEST` characters, texts seen before.
"""

from __future__ import annotations

import ast
import gc
import importlib
import importlib.metadata
import inspect
import json
import re
import sys
import sysconfig
import warnings
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

CORPUS_CAP = 15_000
LIBRARY_CAP = 600
SHORTEST = 24

# Tests, copies of other people's work, programs, and modules that do things when they are looked at.
SKIPPED = {
    "antigravity", "conftest", "ensurepip", "extern", "idlelib", "lib2to3", "pydoc_data", "readline", "site-packages",
    "test", "tests", "third_party", "this", "turtledemo", "vendor", "vendored", "xxlimited", "xxlimited_35",
    "xxsubtype",
}  # fmt: skip
# Modules with a source that hand on what C wrote; importing them does nothing else.
HALF_IN_C = ("collections", "datetime", "decimal", "functools", "hashlib", "io", "os", "socket", "sqlite3", "ssl")

Entry = dict[str, str]


@dataclass(slots=True)
class Definition:
    """A class or function, its docstring, and what is defined in a class; the syntax tree itself is not kept."""

    name: str
    is_class: bool
    doc: str | None
    members: list[Definition]


@dataclass(slots=True)
class Module:
    """What a source says: its definitions, where its other names come from, and what it declares public."""

    name: str
    is_package: bool
    doc: str
    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    public: list[str] | None = None


def parse(name: str, path: Path) -> Module | None:
    """The module in a source file; None if this Python cannot parse it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    module = Module(name, path.name == "__init__.py", ast.get_docstring(tree) or "")
    for one in definitions(tree.body):
        module.definitions.setdefault(one.name, one)
    for node in statements(tree.body):
        if isinstance(node, ast.ImportFrom):
            note_import(module, node)
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            note_public(module, node)
    return module


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under if and try among them."""
    for node in body:
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            for part in ("body", "orelse", "handlers", "finalbody"):
                for inner in getattr(node, part, ()):
                    yield from statements(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])
        else:
            yield node


def definitions(body: Iterable[ast.stmt]) -> Iterator[Definition]:
    """The classes and functions among statements."""
    for node in statements(body):
        if isinstance(node, ast.ClassDef):
            yield Definition(node.name, True, ast.get_docstring(node, clean=False), list(definitions(node.body)))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield Definition(node.name, False, ast.get_docstring(node, clean=False), [])


def note_import(module: Module, node: ast.ImportFrom) -> None:
    """Remember where `from x import y` takes its names."""
    source = node.module or ""
    if node.level:
        parents = module.name.split(".")
        base = parents[: len(parents) - node.level + module.is_package]
        source = ".".join([*base, source] if source else base)
    for alias in node.names:
        if alias.name == "*":
            module.stars.append(source)
        else:
            module.imports.setdefault(alias.asname or alias.name, (source, alias.name))


def note_public(module: Module, node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> None:
    """Read `__all__` where it is a plain list; a computed one counts as none."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets) or node.value is None:
        return
    try:
        names = [str(name) for name in ast.literal_eval(node.value)]
    except (ValueError, TypeError, SyntaxError):
        module.public = None
        return
    module.public = (module.public or []) + names if isinstance(node, ast.AugAssign) else names


class Sources:
    """The modules below some folders, parsed when first asked for."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.roots = tuple(roots)
        self.module = cache(self._module)

    def _module(self, name: str) -> Module | None:
        path = self.path(name)
        return parse(name, path) if path else None

    def path(self, name: str) -> Path | None:
        """The source file of a module."""
        for root in self.roots:
            stem = root.joinpath(*name.split("."))
            for path in (stem / "__init__.py", stem.with_name(stem.name + ".py")):
                if path.is_file():
                    return path
        return None

    def walk(self, tops: Iterable[str]) -> Iterator[Module]:
        """The public modules below `tops`, breadth first."""
        waiting = deque(tops)
        while waiting:
            name = waiting.popleft()
            if module := self.module(name):
                yield module
            path = self.path(name)
            if path and path.name == "__init__.py":
                inner = sorted({file.stem for file in path.parent.iterdir() if is_module(file)})
                waiting.extend(f"{name}.{child}" for child in inner if is_public(child))

    def exports(self, module: Module, seen: frozenset[str] = frozenset()) -> list[str]:
        """The public names of a module: `__all__`, else its own and, in a package, those taken from its inside."""
        if module.public is not None:
            return sorted({name for name in module.public if not name.startswith("_")})
        names = set(module.definitions)
        inside = module.name + "."
        if module.is_package:
            names |= {name for name, (source, _) in module.imports.items() if (source + ".").startswith(inside)}
        for star in module.stars:
            other = self.module(star) if star not in seen else None
            if other and (star.startswith(inside) or "_" in {part[0] for part in star.split(".") if part}):
                names |= set(self.exports(other, seen | {module.name}))
        return sorted(name for name in names if not name.startswith("_"))

    def resolve(
        self, where: str, name: str, seen: frozenset[tuple[str, str]] = frozenset()
    ) -> tuple[str, Definition] | None:
        """The module that defines a name that `where` knows, and the definition."""
        module = self.module(where)
        if module is None or (where, name) in seen:
            return None
        if name in module.definitions:
            return where, module.definitions[name]
        seen |= {(where, name)}
        if name in module.imports:
            return self.resolve(*module.imports[name], seen)
        found = (self.resolve(star, name, seen) for star in reversed(module.stars))
        return next((one for one in found if one), None)


def is_public(name: str) -> bool:
    """Whether a module of that name is for users."""
    return not name.startswith(("_", "test_")) and name not in SKIPPED


def is_module(path: Path) -> bool:
    """Whether a file or folder can be imported."""
    return path.suffix == ".py" or (path / "__init__.py").is_file()


class Collector:
    """Makes entries of definitions and leaves out what was there before."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.texts: set[str] = set()

    def entry(self, name: str, doc: object, module: str, kind: str, library: str) -> Iterator[Entry]:
        """One entry, or none if it is too short or not new."""
        text = inspect.cleandoc(doc).strip() if isinstance(doc, str) else ""
        if len(text) < SHORTEST or text in self.texts or name in self.ids:
            return
        self.ids.add(name)
        self.texts.add(text)
        yield {"id": name, "text": f"{name}\n\n{text}", "module": module, "kind": kind, "library": library}

    def from_sources(self, sources: Sources, tops: Iterable[str], library: str) -> Iterator[Entry]:
        """Modules, classes and functions of every public module below `tops`, then the methods."""
        classes: list[tuple[str, str, Definition]] = []
        done: set[tuple[str, str]] = set()
        for module in sources.walk(tops):
            yield from self.entry(module.name, module.doc, module.name, "module", library)
            for name in sources.exports(module):
                found = sources.resolve(module.name, name)
                if found is None or not belongs(module.name, found[0]) or (found[0], found[1].name) in done:
                    continue
                done.add((found[0], found[1].name))
                full, one = f"{module.name}.{name}", found[1]
                yield from self.entry(full, one.doc, module.name, "class" if one.is_class else "function", library)
                classes.append((full, module.name, one))
        for full, where, one in classes:
            yield from self.methods(full, where, one, library)

    def methods(self, full: str, module: str, one: Definition, library: str) -> Iterator[Entry]:
        """The public methods and inner classes of a class."""
        for member in one.members:
            if not member.name.startswith("_"):
                name = f"{full}.{member.name}"
                yield from self.entry(name, member.doc, module, "class" if member.is_class else "method", library)
                yield from self.methods(name, module, member, library)

    def from_import(self, name: str, library: str) -> Iterator[Entry]:
        """What a module without a source says about itself when imported."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = importlib.import_module(name)
        except ImportError:
            return
        yield from self.entry(name, module.__doc__, name, "module", library)
        for child in sorted(getattr(module, "__all__", vars(module))):
            value = getattr(module, child, None)
            if child.startswith("_") or not (inspect.isclass(value) or inspect.isroutine(value)):
                continue
            if not belongs(name, str(getattr(value, "__module__", None) or name)):
                continue
            kind = "class" if inspect.isclass(value) else "function"
            yield from self.entry(f"{name}.{child}", vars_doc(value), name, kind, library)
            if inspect.isclass(value):
                for method, what in sorted(vars(value).items()):
                    if not method.startswith("_") and not inspect.isclass(what):
                        yield from self.entry(f"{name}.{child}.{method}", vars_doc(what), name, "method", library)


def vars_doc(value: Any) -> str | None:
    """The docstring of a class or routine itself, not of its type."""
    documented = inspect.isclass(value) or inspect.isroutine(value) or inspect.isdatadescriptor(value)
    return getattr(value, "__doc__", None) if documented else None


def belongs(module: str, definer: str) -> bool:
    """Whether a name defined there is documented here: in one package, or handed on from a private or C module."""
    top = definer.split(".")[0]
    return module.split(".")[0] == top or top.startswith("_") or top in ("posix", "builtins")


def standard_library(collector: Collector) -> Iterator[Entry]:
    """Every public module of the standard library, in alphabetical order."""
    sources = Sources([Path(sysconfig.get_paths()["stdlib"])])
    for name in sorted(sys.stdlib_module_names):
        if not is_public(name):
            continue
        if sources.path(name):
            yield from collector.from_sources(sources, [name], "python")
        if not sources.path(name) or name in HALF_IN_C:
            yield from collector.from_import(name, "python")


def needed(root: str = "hashret") -> list[str]:
    """The distributions that `root` needs, without extras, nearest first; all that is installed if it is not."""
    try:
        importlib.metadata.distribution(root)
    except importlib.metadata.PackageNotFoundError:
        return sorted({normal(one.name) for one in importlib.metadata.distributions() if one.name})
    order, level = [root], [root]
    while level:
        wanted = {name for one in level for name in requirements(one)}
        level = sorted(wanted - set(order))
        order += level
    return order[1:]


def requirements(name: str) -> Iterator[str]:
    """The installed distributions that one names as its needs."""
    for line in importlib.metadata.requires(name) or ():
        found = re.match(r"[A-Za-z0-9._-]+", line)
        if found is None or re.search(r"\bextra\s*==", line):
            continue
        try:
            yield normal(importlib.metadata.distribution(found[0]).name)
        except importlib.metadata.PackageNotFoundError:
            continue  # needed on another platform


def normal(name: str) -> str:
    """The name of a distribution, spelled as registries compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def library(collector: Collector, name: str) -> Iterator[Entry]:
    """The first `LIBRARY_CAP` entries of a distribution."""
    distribution = importlib.metadata.distribution(name)
    heads = {file.parts[0] for file in distribution.files or () if file.suffix == ".py" and file.parts[0] != ".."}
    tops = sorted({Path(head).stem for head in heads}, key=lambda top: (normal(top) != name, top))
    sources = Sources([Path(str(distribution.locate_file("")))])
    entries = collector.from_sources(sources, filter(is_public, tops), name)
    yield from islice(entries, LIBRARY_CAP)


def collect() -> Iterator[Entry]:
    """Every entry, as the head of this file tells: {"id", "text", "module", "kind", "library"}."""
    collector = Collector()
    parts = (standard_library(collector), *(library(collector, name) for name in needed()))
    yield from islice(chain.from_iterable(parts), CORPUS_CAP)


def main(path: str) -> None:
    """Write the corpus to `path`, and the number of entries of each library to stderr."""
    counts: Counter[str] = Counter()
    with open(path, "w", encoding="utf-8") as out:
        for entry in collect():
            counts[entry["library"]] += 1
            out.write(json.dumps(entry) + "\n")
    for name, count in counts.items():
        print(f"{count:6,}  {name}", file=sys.stderr)
    print(f"{counts.total():6,}  in all", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python data/pydocs.py out.jsonl")
    gc.disable()  # what is parsed stays; looking for waste in it takes a fifth of the time
    main(sys.argv[1])
