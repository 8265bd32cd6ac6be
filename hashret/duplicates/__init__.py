"""Near duplicates: in a file, between two, and what finds them."""
