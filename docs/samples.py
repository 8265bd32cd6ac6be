"""Small files to try hashret on: `python -m docs.samples FOLDER` writes those that the pages and examples speak of.

notes/           200 texts of 4 topics, garden/1.md and so on
photos/          200 pictures of clothes, of Fashion-MNIST: sneaker/1.png and so on
docs.jsonl       the same notes as rows of id, text and topic, and 20 edited copies of some
new.jsonl        20 more such rows, unseen; ideas.txt two lines
codes.npy        codes of 64 bits from elsewhere, codes.ids.txt their keys; old.faiss the same for FAISS
embeddings.npy   200 rows of 32 numbers about 4 centres, as a model of embeddings might give; ids.txt their ids
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import faiss
import numpy as np
from PIL import Image

WORDS = """
garden: roses, tulips, tomatoes, beans, lettuce, apple trees, herbs, lavender, seedlings, compost
- plant, water, prune, sow, dig, mulch, weed, harvest
- in the raised bed, under the hedge, along the fence, after the last frost, by the pond, in rich soil
kitchen: bread, soup, pancakes, dumplings, risotto, pastry, noodles, pickles, custard, stew
- bake, simmer, knead, fry, season, whisk, roast, taste
- with butter and salt, in the oven, over low heat, for the guests, with fresh pepper, in the iron pan
travel: train, ferry, hostel, museum, harbour, mountain, passport, luggage, tickets, island
- book, visit, reach, cross, pack, explore, photograph, leave
- before the summer, along the coast, on the night journey, with the old map, near the border, at dawn
money: rent, taxes, savings, loan, budget, invoice, shares, pension, insurance, salary
- pay, compare, save, invest, owe, transfer, calculate, declare
- at the bank, by the end of the month, with interest, on the account, in the yearly statement, at a lower rate
"""
LINES = [line.partition(": ")[2].split(", ") for line in WORDS.replace("\n- ", "\n: ").strip().splitlines()]
NAMES = [line.partition(":")[0] for line in WORDS.strip().splitlines() if line[0] != "-"]
TOPICS = {name: LINES[3 * number : 3 * number + 3] for number, name in enumerate(NAMES)}
NOTES, MORE, PHOTOS = 200, 20, 200


def texts(count: int, seed: int) -> list[tuple[str, str]]:
    """Topic and text, by turns: three sentences of the topic's things, verbs and places."""
    rng = random.Random(seed)

    def sentence(topic: str) -> str:
        things, verbs, places = TOPICS[topic]
        one, other = rng.sample(things, 2)
        return f"{rng.choice(verbs)} the {one} and the {other} {rng.choice(places)}".capitalize() + "."

    names = list(TOPICS)
    return [
        (names[n % 4], f"Ideas for the {names[n % 4]}. " + " ".join(sentence(names[n % 4]) for _ in range(3)))
        for n in range(count)
    ]


def write(folder: Path) -> None:
    """All of the files above."""
    rows = [
        {"id": f"{topic}/{n // 4 + 1}", "text": text, "topic": topic} for n, (topic, text) in enumerate(texts(NOTES, 0))
    ]
    for row in rows:
        note = folder / "notes" / f"{row['id']}.md"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{row['text']}\n")
    copies = [{**row, "id": f"{row['id']}-copy", "text": f"{row['text']} Soon!"} for row in rows[:MORE]]
    new = [{"id": f"new/{n + 1}", "text": text, "topic": topic} for n, (topic, text) in enumerate(texts(MORE, 1))]
    for name, part in (("docs.jsonl", rows + copies), ("new.jsonl", new)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    (folder / "ideas.txt").write_text("Ideas for the garden: a pond.\nIdeas for the travel: an island at dawn.\n")
    _write_photos(folder / "photos")
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(size=(4, 32)), 50, axis=0)
    np.save(folder / "embeddings.npy", (centres + rng.normal(scale=0.4, size=(200, 32))).astype(np.float32))
    codes = rng.integers(0, 256, (200, 8), dtype=np.uint8)
    np.save(folder / "codes.npy", codes)
    (folder / "codes.ids.txt").write_text("".join(f"{row['id']}\n" for row in rows))
    old = faiss.IndexBinaryFlat(64)
    old.add(codes)
    faiss.write_index_binary(old, str(folder / "old.faiss"))
    (folder / "ids.txt").write_text("".join(f"{topic}/{n + 1}\n" for topic in TOPICS for n in range(50)))


def _write_photos(folder: Path) -> None:
    """The first pictures of each class."""
    sample = np.load(Path(__file__).parents[1] / "data" / "fashion_mnist_2000.npz")
    for label, name in enumerate(map(str, sample["classes"])):
        place = folder / name.lower().replace(" ", "-").replace("/", "-")
        place.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(sample["images"][sample["labels"] == label][: PHOTOS // 10], 1):
            Image.fromarray(image).save(place / f"{number}.png")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
