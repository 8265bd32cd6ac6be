"""Peers that hash without deep learning: (fit, encode) adapters of some ten lines each.

A fit takes the database's rows, the number of bits and a seed, and returns the function that encodes rows: real values
(n, bits), positive where the bit is 1. None learns from queries or labels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from hashret.rows import Rows, Sparse

Floats = NDArray[np.float32]
Encode = Callable[[Rows], Floats]


def as_scipy(rows: Sparse) -> csr_matrix:
    """The same rows for SciPy and scikit-learn."""
    return csr_matrix((rows.data, rows.indices, rows.indptr), shape=(len(rows), rows.width))


def latent(rows: Rows, dimensions: int, seed: int) -> Encode:
    """Latent semantic analysis (Deerwester et al. 1990): unit rows in the space of the first singular vectors."""
    svd = TruncatedSVD(dimensions, random_state=seed).fit(as_scipy(rows))
    return lambda given: normalize(svd.transform(as_scipy(given))).astype(np.float32)


def principal(rows: Rows, dimensions: int, seed: int) -> Encode:
    """The first principal components, centred; by their signs alone, PCA-sign."""
    mean = rows.mean(0)
    axes = np.linalg.eigh((rows - mean).T @ (rows - mean))[1][:, ::-1][:, :dimensions]
    return lambda given: (given - mean) @ axes


def itq(points: Floats, bits: int, seed: int, rounds: int = 50) -> Encode:
    """Iterative quantization (Gong and Lazebnik 2011): the rotation that brings centred points nearest to their signs.

    `points` (n, d) are spread over more bits where d is less; the function returned gives the rotated points.
    """
    mean = points.mean(0)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(bits, points.shape[1])))[0].T
    for _ in range(rounds):
        signs = np.sign((points - mean) @ rotation)
        left, _, right = np.linalg.svd((points - mean).T @ signs, full_matrices=False)
        rotation = left @ right
    return lambda given: (given - mean) @ rotation


def lsa_itq(rows: Rows, bits: int, seed: int) -> Encode:
    """Latent semantic analysis to `bits` dimensions, then iterative quantization."""
    project = latent(rows, bits, seed)
    turn = itq(project(rows), bits, seed)
    return lambda given: turn(project(given))


def pca_itq(rows: Rows, bits: int, seed: int) -> Encode:
    """Principal components, then iterative quantization: ITQ as published."""
    project = principal(rows, bits, seed)
    turn = itq(project(rows), bits, seed)
    return lambda given: turn(project(given))


def hyperplanes(rows: Rows, bits: int, seed: int) -> Encode:
    """Signs of random projections (Charikar 2002); dense rows are centred first."""
    width = rows.width if isinstance(rows, Sparse) else rows.shape[1]
    planes = np.random.default_rng(seed).normal(size=(width, bits)).astype(np.float32)
    if isinstance(rows, Sparse):
        return lambda given: as_scipy(given) @ planes
    mean = rows.mean(0)
    return lambda given: (given - mean) @ planes


def random_rotation(rows: Rows, bits: int, seed: int) -> Encode:
    """Signs after a random rotation of the first `bits` principal components (the floor of Gong and Lazebnik)."""
    project = principal(rows, bits, seed)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(bits, bits)))[0].astype(np.float32)
    return lambda given: project(given) @ turn


def faiss_lsh(rows: Rows, bits: int, seed: int) -> Encode:
    """FAISS's IndexLSH, randomly rotated and with trained thresholds; it offers bits only, so both sides are signs."""
    import faiss

    index = faiss.IndexLSH(rows.shape[1], bits, True, True)
    index.train(np.ascontiguousarray(rows))

    def encode(given: Rows) -> Floats:
        packed = index.sa_encode(np.ascontiguousarray(given))
        return np.unpackbits(packed, axis=1, bitorder="little").astype(np.float32) * 2 - 1

    return encode
