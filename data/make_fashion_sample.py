"""Cut the sample of Fashion-MNIST: `python data/make_fashion_sample.py fashion_mnist.npz fashion_mnist_2000.npz`.

The source holds `x_train` uint8 (60000, 28, 28) and `y_train` (60000,). The sample holds 200 images of each class,
drawn with a fixed seed, in the order of the source: `images` uint8 (2000, 28, 28), `labels` uint8 (2000,), `classes`.
"""

from __future__ import annotations

import sys

import numpy as np

SEED = 2017
PER_CLASS = 200
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def main(source: str, target: str) -> None:
    """Read the training part from `source` and write the sample to `target`."""
    with np.load(source, allow_pickle=False) as archive:
        images, labels = archive["x_train"], archive["y_train"]
    random = np.random.default_rng(SEED)
    drawn = [random.choice(np.flatnonzero(labels == label), PER_CLASS, replace=False) for label in range(len(CLASSES))]
    rows = np.sort(np.concatenate(drawn))
    np.savez_compressed(target, images=images[rows], labels=labels[rows].astype(np.uint8), classes=np.array(CLASSES))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python data/make_fashion_sample.py fashion_mnist.npz fashion_mnist_2000.npz")
    main(*sys.argv[1:])
