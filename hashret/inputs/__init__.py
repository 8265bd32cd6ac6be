"""Files and tables in, entries out: texts, images or vectors with a key and their other fields, as one stream.

Not here: what an entry means to a model (`features`) and where it is stored (`engine`).
"""

from hashret.inputs.entry import Entry, ReadOptions
from hashret.inputs.frames import Frame, entries, is_table
from hashret.inputs.source import Source

__all__ = ["Entry", "Frame", "ReadOptions", "Source", "entries", "is_table"]
