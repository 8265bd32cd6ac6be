"""Who is relevant to whom: BEIR folders, TREC qrels and labels, as queries with columns of stored entries.

- qrels: lines of `query 0 key grade` (TREC) or `query key grade` (BEIR, a header allowed), split at tabs, or at spaces
  where there is no tab. A grade above 0 is relevant. Keys that are not stored cannot be found and are left out.
- queries: JSON lines, CSV and all that `inputs` reads; .tsv is `query<TAB>text` without a header, as TREC has it.
- labels: an entry is relevant if it shares a value of the field; a list is several values. Values compare as texts,
  as CSV knows no others.

Nothing here knows of codes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.inputs import ReadOptions, Source
from hashret.inputs.entry import File
from hashret.inputs.text import lines
from indexer.errors import InvalidInput, NotFound, hint

Columns = NDArray[np.int64]
Labels = frozenset[str]
HIGHEST = 10**9  # grade: gains of higher ones add up to more than a float holds in full
_QRELS = ("qrels/test.tsv", "qrels/test.tsv.gz", "qrels.tsv", "qrels.tsv.gz")
_QUERIES = ("queries.jsonl", "queries.jsonl.gz")


@dataclass(frozen=True, slots=True)
class Judgements:
    """Where judgements are; nothing at all means that there are none.

    path     a BEIR folder, or with `label` a file of labelled queries
    label    the field with the label; without `path`, stored entries are the queries
    qrels    a TREC or BEIR file of grades, for the queries in `queries`
    """

    path: str | None = None
    label: str | None = None
    qrels: str | None = None
    queries: str | None = None

    def __post_init__(self) -> None:
        """Check that these go together."""
        if (self.qrels is None) != (self.queries is None):
            raise InvalidInput("--qrels and --queries belong together: give both")
        if self.qrels and (self.path or self.label):
            raise InvalidInput("give --qrels with --queries, or a BEIR folder, or --label: one of the three")
        if self.path and not self.label and not Path(self.path).is_dir():
            if not Path(self.path).exists():
                raise NotFound(f"{self.path}: no such file or folder: check the path")
            raise InvalidInput(f"{self.path}: is no BEIR folder: name the field with the label by --label FIELD")

    def __bool__(self) -> bool:
        return any((self.path, self.label, self.qrels))


@dataclass(frozen=True, slots=True)
class Judged:
    """Queries, and the columns (places among the stored entries) and grades of what is relevant to each.

    contents   what to encode, None where the queries are stored entries
    own        the column of the query itself, which is no answer; -1 for none
    notes      what was left out, in words
    """

    contents: list[Any] | None
    columns: list[Columns]
    grades: list[NDArray[np.float64]]
    own: Columns
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.columns)

    def gains(self, part: slice, count: int) -> NDArray[np.float64]:
        """Grades of some queries for all `count` stored entries, float64 (q, count)."""
        out = np.zeros((len(self.columns[part]), count))
        for row, columns, grades in zip(out, self.columns[part], self.grades[part], strict=True):
            row[columns] = grades
        for row, own in zip(out, self.own[part], strict=True):
            if own >= 0:
                row[own] = 0
        return out

    def usable(self, most: int, seed: int) -> Judged:
        """At most so many queries, drawn at random, each with a relevant entry; raises `InvalidInput` if none has."""
        answered = [number for number in range(len(self)) if self._relevant(number)]
        if not answered:
            raise InvalidInput("no query has a relevant stored entry: nothing can be judged")
        notes = list(self.notes)
        if len(answered) < len(self):
            notes.append(f"{len(self) - len(answered):,} queries without a relevant stored entry are left out")
        if len(answered) > most:
            notes.append(f"{most:,} of {len(answered):,} queries, drawn at random: --sample takes more")
            answered = np.sort(np.random.default_rng(seed).choice(answered, most, replace=False)).tolist()
        return Judged(
            None if self.contents is None else [self.contents[number] for number in answered],
            [self.columns[number] for number in answered],
            [self.grades[number] for number in answered],
            self.own[answered],
            notes,
        )

    def _relevant(self, number: int) -> bool:
        """Whether a query has a relevant entry beside itself."""
        good = self.columns[number][self.grades[number] > 0]
        return len(good) > 1 or (len(good) == 1 and good[0] != self.own[number])


def labels_of(meta: Mapping[str, Any], name: str) -> Labels:
    """The values of a field as texts; none if it is missing or null."""
    value = meta.get(name)
    values = value if isinstance(value, list) else [value]
    return frozenset(
        each if isinstance(each, str) else json.dumps(each, sort_keys=True) for each in values if each is not None
    )


def among_stored(labels: Sequence[Labels], most: int, seed: int) -> Judged:
    """Stored entries as queries against the others; `labels` of each entry. `most` of them at most, drawn at random."""
    postings = _postings(labels)
    asked = np.array([number for number, own in enumerate(labels) if any(len(postings[each]) > 1 for each in own)])
    notes = []
    if len(asked) > most:
        notes.append(f"{most:,} of {len(asked):,} queries, drawn at random: --sample takes more")
        asked = np.sort(np.random.default_rng(seed).choice(asked, most, replace=False))
    columns = [_union(postings, labels[number]) for number in asked]
    return Judged(None, columns, [np.ones(len(each)) for each in columns], asked.astype(np.int64), notes)


def labelled(path: str, name: str, labels: Sequence[Labels], digests: Mapping[bytes, int]) -> Judged:
    """The entries of a file as queries, against stored entries with these `labels`.

    A query that is stored, content and meta alike (`digests`: column by digest), is not its own answer. Raises as
    `Source`, and `InvalidInput` for a query without the field.
    """
    postings = _postings(labels)
    entries = list(Source((path,), ReadOptions()))
    columns = []
    for entry in entries:
        if name not in entry.meta:
            there = f"{_named(entry.meta)}{hint(name, entry.meta)}"
            raise InvalidInput(f"{path}: query {entry.key!r} has no field {name!r}: {there}")
        columns.append(_union(postings, labels_of(entry.meta, name)))
    own = np.array([digests.get(entry.digest(), -1) for entry in entries], dtype=np.int64)
    return Judged([entry.content for entry in entries], columns, [np.ones(len(each)) for each in columns], own)


def beir(folder: str, keys: Sequence[str]) -> Judged:
    """A folder in the form of BEIR: queries.jsonl, and qrels/test.tsv or qrels.tsv; each may end in .gz.

    The corpus is what is stored under `keys`. Raises as `trec`.
    """
    return trec(_one_of(folder, _QRELS), _one_of(folder, _QUERIES), keys)


def trec(qrels: str, queries: str, keys: Sequence[str]) -> Judged:
    """Grades of a file for the queries of another.

    Raises `InvalidInput` for a broken line, a query that has no text, and if no judged key is stored.
    """
    graded: dict[str, dict[str, int]] = {}
    places: dict[str, int] = {}
    for place, query, key, grade in _qrels(File(Path(qrels), qrels)):
        places.setdefault(query, place)
        if key in graded.setdefault(query, {}):
            raise InvalidInput(f"{qrels}:{place}: query {query!r} grades {key!r} twice: remove one line")
        graded[query][key] = grade
    column = {key: number for number, key in enumerate(keys)}
    judged = {key for grades in graded.values() for key in grades}
    known = judged & set(column)
    if not known:
        raise InvalidInput(f"{qrels}: none of its {len(judged):,} keys is stored: DB must have the keys that it grades")
    texts = _queries(queries, set(graded))
    for query in graded:
        if query not in texts:
            raise InvalidInput(f"{qrels}:{places[query]}: query {query!r} is not in {queries}: add its text")
    rows = [[(column[key], grade) for key, grade in grades.items() if key in column] for grades in graded.values()]
    return Judged(
        [texts[query] for query in graded],
        [np.array([at for at, _ in row], dtype=np.int64) for row in rows],
        [np.array([max(grade, 0) for _, grade in row], dtype=np.float64) for row in rows],
        np.full(len(graded), -1),
        [f"{len(judged) - len(known):,} of {len(judged):,} judged keys are not stored"] if known != judged else [],
    )


def _qrels(file: File) -> Iterator[tuple[int, str, str, int]]:
    """Line number, query, key and grade of each line; raises `InvalidInput` for a broken one."""
    first = True
    for number, text, problem in lines(file, ReadOptions()):
        if problem is not None:
            raise problem
        line = text.strip()
        if not line:
            continue
        header, first = first, False
        parts = line.split("\t") if "\t" in line else line.split()
        if len(parts) not in (3, 4):
            raise InvalidInput(
                f"{file.shown}:{number}: has {len(parts)} columns: write query, 0, key, grade, or query, key, grade"
            )
        try:
            grade = int(parts[-1])
        except ValueError as error:
            if header and len(parts) == 3:
                continue  # BEIR's header
            raise InvalidInput(f"{file.shown}:{number}: grade is {parts[-1][:40]!r}: give a whole number") from error
        if abs(grade) > HIGHEST:
            raise InvalidInput(f"{file.shown}:{number}: grade is over {HIGHEST:,}: give a smaller one")
        yield number, parts[0].strip(), parts[-2].strip(), grade


def _queries(path: str, graded: set[str]) -> dict[str, Any]:
    """The content of each query by its id; one that cannot be read matters only if it may be one that is graded."""
    if not path.lower().removesuffix(".gz").endswith(".tsv"):
        source = Source((path,), ReadOptions(on_error="skip"))
        contents = {entry.key: entry.content for entry in source}
        if source.problems and not graded <= set(contents):
            raise source.problems[0]
        return contents
    found: dict[str, str] = {}
    for number, text, problem in lines(File(Path(path), path), ReadOptions()):
        if problem is not None:
            raise problem
        query, tab, content = text.rstrip("\r\n").partition("\t")
        if not text.strip():
            continue
        if not tab or not content.strip():
            raise InvalidInput(f"{path}:{number}: is not query<TAB>text: write both on each line")
        if query in found:
            raise InvalidInput(f"{path}:{number}: query {query!r} was given before: give every query its own id")
        found[query] = content
    return found


def _one_of(folder: str, names: Sequence[str]) -> str:
    """The first of some files that a folder has; raises `NotFound`."""
    for name in names:
        if Path(folder, name).exists():
            return Path(folder, name).as_posix()
    plain = " or ".join(name for name in names if not name.endswith(".gz"))
    raise NotFound(f"{folder}: has no {plain}: give a folder in the form of BEIR, or name the field with --label FIELD")


def _postings(labels: Sequence[Labels]) -> dict[str, Columns]:
    """The columns, ascending, of the entries with each label."""
    found: dict[str, list[int]] = {}
    for number, own in enumerate(labels):
        for label in own:
            found.setdefault(label, []).append(number)
    return {label: np.array(numbers, dtype=np.int64) for label, numbers in found.items()}


def _union(postings: Mapping[str, Columns], labels: Labels) -> Columns:
    """The columns of the entries with any of these labels; one label's own array is shared, not copied."""
    lists = [postings[label] for label in sorted(labels) if label in postings]
    if len(lists) == 1:
        return lists[0]
    return np.unique(np.concatenate(lists)) if lists else np.zeros(0, dtype=np.int64)


def _named(meta: Mapping[str, Any]) -> str:
    """The fields that there are, for a message."""
    return f"its fields are {', '.join(meta)}" if meta else "it has no fields"


def missing_label(name: str, fields: Sequence[str]) -> InvalidInput:
    """The message for a label that no stored entry has."""
    there = f"their fields are {', '.join(fields)}" if fields else "they have no fields"
    return InvalidInput(f"no stored entry has the field {name!r}: {there}; name one with --label{hint(name, fields)}")
