"""Trains a peer from its authors' own checkout, in a process of its own: `trainer.py CHECKOUT MODEL OUT FLAG...`.

Not imported by anything: checkouts have modules named `model` and `data`, which must not meet ours. The first of the
flags that are handed on is the data file. Writes float32 `database` and `queries`, positive where the bit is 1.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

CLASSES = {"AMMI": "ammi", "VDSH": "model.VDSH", "NASH": "model.NASH"}


class Log:
    """Where the peers write: standard error, whole lines."""

    def log(self, text: str, newline: bool = True) -> None:
        """One message of theirs."""
        print(text, end="\n" if newline else "", file=sys.stderr, flush=True)


def values(name: str, model: Any, loader: Any) -> torch.Tensor:
    """What a model knows of each document, (n, bits): 2 p - 1 of each bit, or the mean of VDSH's normal posterior."""
    parts = []
    for documents, _ in loader:
        if name == "AMMI":
            parts.append(torch.sigmoid(model.pZ_Y(documents))[:, :, 1] * 2 - 1)
        elif name == "NASH":
            parts.append(model.enc(documents.sign()) * 2 - 1)
        else:
            parts.append(model.enc(documents.sign())[0])
    return torch.cat(parts)


def main(checkout: str, name: str, out: str, *flags: str) -> None:
    """Train by the authors' loop, which keeps the epoch of best labelled validation, then encode."""
    sys.path.insert(0, checkout)
    torch.set_num_threads(1)
    kind = getattr(importlib.import_module(CLASSES[name]), name)
    model = kind(kind.get_model_specific_argparser().parse_args([str(Path(out).with_suffix(".model")), *flags]))
    state, score = model.run_training_session(1, Log())
    print(f"{name}: best validation {score:.2f}", file=sys.stderr)
    model.load_state_dict(state)
    model.eval()
    train, _, test = model.data.get_loaders(128, 0, shuffle_train=False, get_test=True)
    with torch.no_grad():
        database, queries = values(name, model, train), values(name, model, test)
        if name == "VDSH":  # its codes are 1 above the median of the training documents
            middle = database.median(dim=0).values
            database, queries = database - middle, queries - middle
    np.savez(out, database=database.numpy(), queries=queries.numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
