"""How good the codes are, beside those of other methods on the same data: `python -m benchmarks.quality.run --help`."""
