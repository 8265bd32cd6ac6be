"""`python -m hashret` is `hashret`."""

from hashret.cli import main

main(prog_name="hashret")
