"""Entries and codes to files of other programs, and ready-made codes from those."""
