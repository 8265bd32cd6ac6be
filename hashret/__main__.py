"""`python -m hashret` is `hashret`."""

from hashret.cli import main

main()
