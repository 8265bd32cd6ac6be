"""Trained networks in NumPy, so that a query waits for no torch: what `hashret.model` learns, computed."""
