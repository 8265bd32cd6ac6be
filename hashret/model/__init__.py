"""Learning: the only part of hashret that imports torch."""
