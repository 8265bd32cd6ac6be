"""What a decoder is for, in three tables, without a run: `python -m benchmarks.family.decoder` writes decoder.md.

Made from the lines that `anomalies`, `denoise` and `compress` noted.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks.quality.notes import Line, notes, table
from benchmarks.quality.results import write


def anomalies() -> str:
    """A row for each scorer: mean and least AUROC over the classes, and the seconds of all."""
    lines = notes("family/anomalies")
    rows = []
    for name in unique(line["method"] for line in lines):
        found = {line["own"]: line["auroc"] for line in lines if line["method"] == name}
        seconds = np.median([line["seconds"] for line in lines if line["method"] == name])
        least = min(found, key=lambda own: found[own])
        rows.append([name, f"{np.mean(list(found.values())):.3f}", f"{found[least]:.3f} ({least})", f"{seconds:.0f}"])
    return table(["strangers to one class of Fashion-MNIST", "mean AUROC", "least (class)", "seconds a class"], rows)


def denoise() -> str:
    """A row for each strength of noise, PSNR in decibels."""
    head = ["Gaussian noise, deviation", "noisy", "128 values (gain)", "their 128 bits", "PCA, 128", "median 3 x 3"]
    rows = [
        [
            f"{line['strength']}",
            f"{line['noisy']:.1f}",
            f"{line['model']:.1f} ({line['model'] - line['noisy']:+.1f})",
            *(f"{line[way]:.1f}" for way in ("codes", "components", "median")),
        ]
        for line in notes("family/denoise")
    ]
    return table(head, rows)


def compress() -> str:
    """Codes and components by bits; then JPEG, whole and without its header."""
    found = {
        (line["method"], line["bits"]): line["psnr"] for line in notes("family/compress") if line["method"] != "jpeg"
    }
    widths = sorted({bits for _, bits in found})
    rows = [
        [name, *(f"{found[method, bits]:.1f}" if (method, bits) in found else "-" for bits in widths)]
        for name, method in (("codes, decoded", "codes"), ("PCA, coefficients quantised", "components"))
    ]
    return table(["PSNR (dB) at bits an image", *map(str, widths)], rows) + "\n\n" + jpeg(notes("family/compress"))


def jpeg(lines: Iterable[Line]) -> str:
    """JPEG's sizes in bits an image, and its PSNR, by quality."""
    found = [line for line in lines if line["method"] == "jpeg"]
    rows = [
        ["bits with header", *(f"{line['bits']:.0f}" for line in found)],
        ["bits without header and tables", *(f"{line['body']:.0f}" for line in found)],
        ["PSNR (dB)", *(f"{line['psnr']:.1f}" for line in found)],
    ]
    return table(["JPEG, quality", *(f"{line['quality']}" for line in found)], rows)


def unique(names: Iterable[str]) -> list[str]:
    """Each name once, in order."""
    return list(dict.fromkeys(names))


def main() -> None:
    """The three tables."""
    write("decoder", "\n\n".join([anomalies(), denoise(), compress()]))


if __name__ == "__main__":
    main()
