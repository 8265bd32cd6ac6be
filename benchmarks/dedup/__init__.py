"""Near-duplicates: a planted set, precision and recall beside peers, and a million entries in one run."""
