"""Training on a device that is not the CPU: on one made of it for every kind, and on a GPU where there is one."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hashret.model.checkpoint import Checkpoint
from hashret.model.fit import fit
from hashret.model.nets import Autoencoder
from tests.hashret.model.test_train import PLAIN, groups, quiet

ATTENTION = 0.1  # torch computes it on the CPU by another kernel, which rounds otherwise


@pytest.mark.slow
def test_every_kind_trains_on_another_device_as_on_the_cpu():
    """Or a tensor that was left behind would be told; the numbers are told of in `tests.hashret.model.device`."""
    command = [sys.executable, "-W", "error", "-m", "tests.hashret.model.device"]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 48
    assert [line["resumed"] for line in lines if line["mix"]["contents"] == "vector"] == [0.0] * 14
    for line in lines:
        assert line["bits"] >= 0.999, line
        assert line["apart"] < (ATTENTION if line["mix"].get("net") == "transformer" else 1e-5), line
        assert 0 < line["bfloat16"] < math.inf, line


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_trains_codes_that_equal_those_of_numpy():
    """The same weights give the same bits on both; bfloat16 is for training alone."""
    rows, _ = groups("dense", 4000)
    net = fit(Autoencoder(rows.shape[1], PLAIN), rows, None, "codes", quiet, Checkpoint(None, rows, PLAIN)).eval()
    with torch.no_grad():
        there = (net.cuda().encode(torch.from_numpy(rows).cuda()) > 0).cpu().numpy()
    assert ((net.cpu().export().values(rows) > 0) == there).mean() >= 0.999
