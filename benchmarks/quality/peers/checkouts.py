"""Deep peers, by their authors' own code: AMMI (Stratos and Wiseman 2020), NASH (Shen et al. 2018), VDSH (Chaidaroon
and Fang 2017).

Nothing of theirs is kept here. HASHRET_AMMI names a checkout of karlstratos/ammi, HASHRET_VDSH_NASH one of
J-zin/Semantic-Hashing-Models; without them these peers are left out. Settings are those their authors printed: the
line "ng32" of AMMI's commands.txt, the defaults of the others. All three choose the epoch by labels of the validation
part, which hashret never sees.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.quality.peers.shallow import as_scipy
from benchmarks.quality.results import Codes
from benchmarks.quality.tasks import Part, Task
from hashret.rows import Sparse

CHECKOUTS = {"AMMI": "HASHRET_AMMI", "VDSH": "HASHRET_VDSH_NASH", "NASH": "HASHRET_VDSH_NASH"}
NG32 = (
    "--dim_hidden 28 --num_layers 2 --batch_size 16 --lr 0.01 --init 0.05 --clip 1 "
    "--num_steps_prior 4 --raw_prior --entropy_weight 3.5 --check_interval 1000000"
)
FLAGS = {"AMMI": NG32.split(), "VDSH": [], "NASH": []}
SEEDS = {"AMMI": 28082, "VDSH": 9061, "NASH": 9061}  # the authors' own; ours is added


def missing(name: str) -> str | None:
    """Why a peer cannot run here, or None."""
    variable = CHECKOUTS.get(name)
    if variable is None or Path(os.environ.get(variable, "?")).is_dir():
        return None
    return f"{name} is left out: set {variable} to a checkout of its code"


def trained(name: str, task: Task, bits: int, seed: int) -> Codes:
    """Codes of one of them, trained for as long as its authors' rule says, on one thread."""
    with tempfile.TemporaryDirectory() as where:
        data = Path(where) / "document_hashing.mat"  # AMMI looks for this word in the path
        _write(task, data)
        out = Path(where) / "out.npz"
        flags = [*FLAGS[name], "--num_features", str(bits), "--seed", str(SEEDS[name] + seed), "--train"]
        command = [sys.executable, str(Path(__file__).with_name("trainer.py")), os.environ[CHECKOUTS[name]], name]
        subprocess.run([*command, str(out), str(data), *flags], check=True)
        with np.load(out) as arrays:
            return Codes.of(arrays["database"], arrays["queries"])


def _write(task: Task, path: Path) -> None:
    """The task as the MATLAB file of the VDSH family: sparse tf-idf and one-hot labels of train, cv and test."""
    from scipy.io import savemat

    named: dict[str, Part | None] = {"train": task.database, "cv": task.validation, "test": task.queries}
    arrays = {}
    for name, part in named.items():
        if part is None or not isinstance(part.rows, Sparse):
            raise ValueError(f"{task.name}: no sparse {name} part to train this peer on")
        arrays[name] = as_scipy(part.rows)
        arrays[f"gnd_{name}"] = part.labels.astype(np.float64)
    savemat(path, arrays)
