"""One-class learning by reconstruction error: a model of one class of Fashion-MNIST knows the others for strangers.

`python -m benchmarks.family.anomalies`. Each model sees the 6,000 train images of one class and scores all 10,000 test
images by `Hasher.error`; AUROC is the chance that a stranger scores higher than one of the class. The settings are the
same for all classes and were chosen without the scores: the narrowest bottleneck this package makes, as a stranger
can pass only where there is room. Real values are in the table to show what these let through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import tasks
from benchmarks.quality.notes import known, note
from benchmarks.quality.results import cpu_seconds
from hashret.hasher import Hasher
from hashret.settings import Settings

Floats = NDArray[np.float64]
Images = NDArray[np.uint8]
Scorer = Callable[[Images, Images], Any]  # train images, test images -> scores, high for strangers
STEPS = 1000


def auroc(scores: NDArray[Any], stranger: NDArray[np.bool_]) -> float:
    """The chance that a stranger's score is above that of one who belongs, an equal one counted half."""
    own = np.sort(scores[~stranger])
    below = np.searchsorted(own, scores[stranger], side="left")
    not_above = np.searchsorted(own, scores[stranger], side="right")
    return float((below + not_above).mean() / (2 * len(own)))


def by_error(**chosen: Any) -> Scorer:
    """Reconstruction error of a model with these settings."""

    def score(train: Images, test: Images) -> Any:
        return Hasher.fit(train, Settings(**{"steps": STEPS, **chosen})).error(test)

    return score


def by_components(count: int) -> Scorer:
    """Reconstruction error of so many principal components."""

    def score(train: Images, test: Images) -> Any:
        near, far = flat(train), flat(test)
        centre = near.mean(0)
        axes = np.linalg.eigh(np.cov(near.T))[1][:, -count:]
        left = far - centre
        return ((left - left @ axes @ axes.T) ** 2).mean(1)

    return score


def by_forest(train: Images, test: Images) -> Any:
    """Isolation forest (Liu et al. 2008) as scikit-learn sets it."""
    from sklearn.ensemble import IsolationForest

    return -IsolationForest(random_state=0).fit(flat(train)).score_samples(flat(test))


def flat(images: Images) -> Floats:
    """Pixels from 0 to 1, float64 (n, pixels)."""
    return images.reshape(len(images), -1) / 255.0


SCORERS: Mapping[str, Scorer] = {
    "8 bits (kind deep, sign)": by_error(kind="deep", binarizer="sign", bits=8),
    "PCA, 8 components": by_components(8),
    "PCA, 32 components": by_components(32),
    "isolation forest": by_forest,
    "8 values (kind deep, linear)": by_error(kind="deep", dimensions=8, bits=8),
}


def judge(train: tasks.Part, test: tasks.Part, scorers: Mapping[str, Scorer] = SCORERS) -> None:
    """Score the test images by each scorer for each class, and note the AUROC of what is not known yet."""
    for name, scorer in scorers.items():
        for own in range(train.labels.shape[1]):
            if not known("family/anomalies", method=name, own=own):
                start = cpu_seconds()
                scores = scorer(np.asarray(train.contents)[train.labels[:, own]], np.asarray(test.contents))
                found = auroc(np.asarray(scores), ~test.labels[:, own])
                seconds = round(cpu_seconds() - start, 2)
                note("family/anomalies", {"method": name, "own": own, "auroc": found, "seconds": seconds})


def main() -> None:
    """Every class, by every scorer."""
    task = tasks.fashion()
    judge(task.database, task.queries)


if __name__ == "__main__":
    main()
