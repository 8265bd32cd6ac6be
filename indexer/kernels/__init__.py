"""Compiled search over codes in memory: the only place that imports numba."""
