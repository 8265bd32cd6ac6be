"""Speed of exact Hamming search beside other libraries on the same codes: `python -m benchmarks.search.run --help`."""
