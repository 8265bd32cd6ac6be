"""A training that was stopped goes on as if it had not been: its state in one safetensors file.

The file names the training it belongs to (settings and rows), so that another one never takes it for its own. It is
written beside itself and then moved into place: a kill leaves the old one or the new one.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hashret.curve import Curve
from hashret.rows import Rows, Sparse
from hashret.settings import Settings
from indexer.errors import HashretError

SECONDS = 20.0  # between two writes
Tensors = dict[str, Tensor]


class Checkpoint:
    """State of each stage of one training, by name: tensors, and numbers as JSON; and the curve of all of them.

    Without a path it keeps nothing.
    """

    def __init__(self, path: Path | None, rows: Rows, settings: Settings, curve: Curve | None = None) -> None:
        self.path, self.curve = path, Curve() if curve is None else curve
        self._run = _name(rows, settings) if path else ""
        self._stages: dict[str, tuple[Tensors, dict[str, Any]]] = {}
        self._written = time.monotonic()
        if path and path.exists():
            self._read(path)

    def stage(self, name: str) -> tuple[Tensors, dict[str, Any]] | None:
        """What was kept of a stage."""
        return self._stages.get(name)

    def due(self) -> bool:
        """Whether it is time to write."""
        return self.path is not None and time.monotonic() - self._written > SECONDS

    def keep(self, name: str, tensors: Tensors, numbers: dict[str, Any]) -> None:
        """Write the state of a stage, beside that of the stages before it."""
        if self.path is None:
            return
        self._stages[name] = {key: part.detach().cpu().clone() for key, part in tensors.items()}, numbers
        named = {f"{stage}/{key}": part for stage, (parts, _) in self._stages.items() for key, part in parts.items()}
        header = {"run": self._run, "stages": json.dumps({stage: kept for stage, (_, kept) in self._stages.items()})}
        part = self.path.with_name(self.path.name + ".part")
        try:
            save_file(named, part, header | {"curve": self.curve.to_json()})
        except SafetensorError as error:
            part.unlink(missing_ok=True)
            raise HashretError(f"{self.path}: how far training is cannot be written: {error}") from error
        part.replace(self.path)
        self._written = time.monotonic()

    def remove(self) -> None:
        """Training is done."""
        if self.path:
            self.path.unlink(missing_ok=True)

    def _read(self, path: Path) -> None:
        """Take over a file of the same training; let any other be overwritten."""
        try:
            with safe_open(path, "pt") as file:
                header = file.metadata() or {}
                keys = list(file.keys()) if header.get("run") == self._run else []
                named = {key: file.get_tensor(key) for key in keys}
        except Exception:  # safetensors has no one error for what is no file of its own
            return
        for stage, numbers in json.loads(header["stages"]).items() if named else ():
            mine = {key.removeprefix(f"{stage}/"): part for key, part in named.items() if key.startswith(f"{stage}/")}
            self._stages[stage] = mine, numbers
        self.curve.stages = Curve.from_json(header["curve"]).stages if named and "curve" in header else {}


def _name(rows: Rows, settings: Settings) -> str:
    """SHA-256 of what a training depends on."""
    digest = hashlib.sha256(f"{settings.to_json()} {torch.__version__} {np.__version__}".encode())
    for array in (rows.indptr, rows.indices, rows.data) if isinstance(rows, Sparse) else (rows,):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
