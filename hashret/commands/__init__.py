"""The commands, a chapter a file; `hashret.cli` gathers them."""
