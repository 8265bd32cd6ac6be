"""A device that is not the CPU, where no GPU is: its tensors refuse to meet those of the CPU, as a GPU's do.

Run as a program it trains every kind there, and prints a line of JSON for each: `bits`, the share of the bits that a
network gives there as NumPy does from its weights, and as the largest difference of two weights `apart`, from training
on the CPU, `bfloat16`, of that from training on it as a GPU does, and `resumed`, from a training that was killed and
went on. Torch knows the device ever after, so this is for a process of its own. A GRU is not among them: torch computes
it on each device by other kernels, which here are none.
"""

import gc
import json
import sys
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from unittest import mock

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from hashret import family
from hashret.model import checkpoint, fit
from hashret.model.nets import Autoencoder
from hashret.model.train import train
from hashret.rows import Sparse
from hashret.settings import Settings
from tests.hashret.model.test_train import KilledError, groups, quiet

THERE, HERE = torch.device("privateuseone:0"), torch.device("cpu")
CARRIED = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)  # from device to device
MIXES = [{"kind": kind, "contents": contents} for kind in family.KINDS for contents in ("text", "image", "vector")] + [
    *({"contents": "text", "kind": kind, "net": "transformer"} for kind in ("neighbour", "plain")),
    *({"contents": "image", "binarizer": one} for one in ("sign", "thresholds", "half")),
    {"contents": "image", "kind": "plain", "net": "conv"},
    {"contents": "image", "kind": "deep", "tied": True},
    {"contents": "image", "kind": "contractive", "hidden": (16,)},
    {"contents": "vector", "hidden": (24,)},
]


class Elsewhere(torch.Tensor):
    """A tensor of the device; `held` is the one of the CPU that it is made of."""

    @staticmethod
    def __new__(cls, held):
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        made = torch.Tensor._make_wrapper_subclass(cls, held.size(), dtype=held.dtype, device=THERE, **layout)
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return computed(function, args, kwargs or {})


class Computing(TorchDispatchMode):
    """Where tensors can be made on the device."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return computed(function, args, kwargs or {})


def computed(function, args, kwargs):
    """What an operation gives, on the device that its tensors are on or that it names."""
    given = [part for part in tree_leaves((args, kwargs)) if isinstance(part, torch.Tensor)]
    there = [part for part in given if isinstance(part, Elsewhere)]
    if there and function not in CARRIED and any(part.device == HERE and part.ndim for part in given):
        raise RuntimeError(f"{function} of tensors on two devices")  # a lone number of the CPU may come along
    named = kwargs.get("device")
    made_there = torch.device(named).type == THERE.type if named else bool(there)
    kwargs = kwargs | ({"device": HERE} if named else {})
    out = function(*tree_map(_held, args), **tree_map(_held, kwargs))
    changed = {id(_held(part)): part for part in given}  # in place

    def given_back(part):
        if not isinstance(part, torch.Tensor):
            return part
        return changed[id(part)] if id(part) in changed else Elsewhere(part) if made_there else part

    return tree_map(given_back, out)


def _held(part):
    """What an argument is on the CPU."""
    return part.held if isinstance(part, Elsewhere) else part


def carried(module, *given, _apply=torch.nn.Module._apply, **named):
    """Carry a module to or from the device: by tensors of their own, as data is not exchanged across devices."""
    before = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        return _apply(module, *given, **named)
    except RuntimeError:
        gc.collect()  # a graph of derivatives may hold on to tensors until then
        return _apply(module, *given, **named)
    finally:
        torch.__future__.set_swap_module_params_on_conversion(before)


def register():
    """Have torch know the device; it draws from the CPU's generator."""
    answers = {
        "is_available": True, "is_initialized": True, "device_count": 1, "current_device": 0, "_is_in_bad_fork": False,
        "manual_seed_all": None, "get_rng_state": torch.zeros(1, dtype=torch.uint8), "set_rng_state": None,
    }  # fmt: skip
    module = {name: lambda *given, answer=answer: answer for name, answer in answers.items()}
    _setup_privateuseone_for_python_backend(THERE.type, SimpleNamespace(**module))
    torch.nn.Module._apply = carried


def trained(rows, settings, device, path=None, short=False):
    """Weights that training on a device gives, in bfloat16 where that is enough if `short`."""
    precision = torch.autocast("cpu", torch.bfloat16) if short else nullcontext()
    with (
        mock.patch.object(fit, "device", return_value=device),
        mock.patch("torch.autocast", return_value=precision),
        Computing() if device == THERE else nullcontext(),
    ):
        return train(rows, settings, quiet, path)


def resumed(rows, settings):
    """Weights of a training on the device that was killed near its end and went on."""
    last = "stage 2" if settings.objective == "agreement" else "codes"

    def kill(*at):
        if at[:2] == (last, settings.steps - 3):
            raise KilledError

    with TemporaryDirectory() as folder, mock.patch.object(checkpoint, "SECONDS", 0):
        path = Path(folder) / "training"
        with suppress(KilledError), mock.patch(f"{__name__}.quiet", kill):
            trained(rows, settings, THERE, path)
        assert path.exists()
        return trained(rows, settings, THERE, path)


def rows_of(settings, contents):
    """Rows that the settings take."""
    if settings.net in family.SEQUENCES:
        words = np.random.default_rng(0).integers(0, 40, 6 * 120).astype(np.int32)
        return Sparse(np.arange(121) * 6, words, np.ones(len(words), np.float32), 40)
    if contents == "image":
        return np.random.default_rng(1).random((120, settings.image_size**2)).astype(np.float32)
    return groups("dense" if contents == "vector" else "sparse")[0]


def agreeing(rows, settings):
    """The share of bits that a network gives on the device as NumPy does from its weights."""
    net = Autoencoder(rows.width if isinstance(rows, Sparse) else rows.shape[1], settings).eval()
    bits = net.export().values(rows) > 0
    with Computing(), torch.no_grad():
        batch = rows if isinstance(rows, Sparse) else torch.from_numpy(rows).to(THERE)
        there = (net.to(THERE).encode(batch) > 0).cpu().numpy()
    return float((bits == there).mean())


def apart(one, other):
    """The largest difference of two weights."""
    return max(float(np.abs(array - other.state()[name]).max()) for name, array in one.state().items())


def main():
    """Print the lines."""
    register()
    for mix in MIXES:
        contents = mix["contents"]
        settings = Settings(**{name: value for name, value in mix.items() if name != "contents"})
        settings = replace(settings, bits=16, steps=8, batch=32, image_size=8).resolved(contents)
        rows = rows_of(settings, contents)
        there, here = trained(rows, settings, THERE), trained(rows, settings, HERE)
        line = {"mix": mix, "bits": agreeing(rows, settings), "apart": apart(there, here)}
        line["bfloat16"] = apart(here, trained(rows, settings, HERE, short=True))
        if contents == "vector":
            line["resumed"] = apart(there, resumed(rows, settings))
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
