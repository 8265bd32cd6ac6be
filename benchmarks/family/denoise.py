"""Noisy images through a denoising autoencoder: `python -m benchmarks.family.denoise`.

One model for all strengths: it sees the train images of Fashion-MNIST with Gaussian noise and learns to give them back
without (Vincent et al. 2008). The test images get noise of several strengths, are cut to 0 to 255 and go through
`Hasher.reconstruct(Hasher.transform(noisy))`, and once more through the codes alone. Peers: principal components, as
many as the model has values, and a median filter of 3 x 3.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.family.pixels import Components, Images, flat, noisy, psnr
from benchmarks.quality import tasks
from benchmarks.quality.notes import known, note
from hashret.hasher import Hasher
from hashret.settings import Settings

STRENGTHS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
CHOSEN = Settings(
    kind="denoising", binarizer="linear", bits=128, hidden=(512,), corruption="gaussian", noise=0.3, steps=2000
)


def median(images: Images) -> Images:
    """Each pixel the median of the nine around it."""
    smoothed = [Image.fromarray(image).filter(ImageFilter.MedianFilter(3)) for image in images]
    return np.stack([np.asarray(image) for image in smoothed])


def judge(train: Images, test: Images, chosen: Settings = CHOSEN) -> None:
    """Note the PSNR of each way at each strength that is not known yet."""
    if all(known("family/denoise", strength=strength) for strength in STRENGTHS):
        return
    hasher = Hasher.fit(train, chosen)
    components = Components.of(flat(train), chosen.bits)
    clean = flat(test)
    for strength in STRENGTHS:
        shown = noisy(test, strength)
        line = {
            "strength": strength,
            "noisy": psnr(flat(shown), clean),
            "model": psnr(hasher.reconstruct(hasher.transform(shown)), clean),
            "codes": psnr(hasher.reconstruct(hasher.encode(shown)), clean),
            "components": psnr(components.up(components.down(flat(shown))), clean),
            "median": psnr(flat(median(shown)), clean),
        }
        note("family/denoise", line)


def main() -> None:
    """Every strength."""
    task = tasks.fashion()
    judge(np.asarray(task.database.contents), np.asarray(task.queries.contents))


if __name__ == "__main__":
    main()
