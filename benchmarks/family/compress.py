"""Codes as compressed images: bits an image against PSNR. `python -m benchmarks.family.compress`.

A code of 16 to 256 bits is all that is kept of a test image of Fashion-MNIST; the decoder, learned from the train
images, is kept once and not counted. Peers: principal components of the train images, their coefficients quantised
with as many bits in all (the levels too are kept once and not counted), and JPEG, with its header and without.
"""

from __future__ import annotations

import numpy as np

from benchmarks.family.pixels import Components, Floats, Images, allotted, flat, jpeg, psnr, quantised
from benchmarks.quality import tasks
from benchmarks.quality.notes import known, note
from hashret.hasher import Hasher
from hashret.settings import Settings

WIDTHS = (16, 32, 64, 128, 256)
QUALITIES = (1, 5, 10, 25, 50, 75)
CHOSEN = {"kind": "deep", "hidden": (512,), "binarizer": "sign", "steps": 3000}


def by_components(train: Floats, test: Floats, bits: int) -> Floats:
    """What is left of rows whose components have so many bits in all."""
    components = Components.of(train, min(bits, train.shape[1]))
    given = allotted(components.variance, bits)
    return components.up(quantised(components.down(train), components.down(test), given))


def judge(train: Images, test: Images, widths: tuple[int, ...] = WIDTHS) -> None:
    """Note what is not known yet: codes and components at each width, JPEG at each quality."""
    near, far = flat(train), flat(test)
    for bits in widths:
        if not known("family/compress", method="codes", bits=bits):
            hasher = Hasher.fit(train, Settings(**{**CHOSEN, "bits": bits}))
            note(
                "family/compress",
                {"method": "codes", "bits": bits, "psnr": psnr(hasher.reconstruct(hasher.encode(test)), far)},
            )
        if not known("family/compress", method="components", bits=bits):
            found = by_components(near, far, bits)
            note("family/compress", {"method": "components", "bits": bits, "psnr": psnr(found, far)})
    for quality in QUALITIES:
        if not known("family/compress", method="jpeg", quality=quality):
            whole, body, shown = (
                np.array(part) for part in zip(*(jpeg(image, quality) for image in test), strict=True)
            )
            line = {"psnr": psnr(flat(shown), far), "bits": 8 * float(whole.mean()), "body": 8 * float(body.mean())}
            note("family/compress", {"method": "jpeg", "quality": quality, **line, "least": int(whole.min())})


def main() -> None:
    """All of Fashion-MNIST."""
    task = tasks.fashion()
    judge(np.asarray(task.database.contents), np.asarray(task.queries.contents))


if __name__ == "__main__":
    main()
