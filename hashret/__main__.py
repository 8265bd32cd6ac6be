"""`python -m hashret` is `hashret`."""

import sys


def main() -> None:
    """Run the command line; stopped while that is still being loaded, it ends as it does later."""
    try:
        from hashret.cli import main as group

        group(prog_name="hashret")
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
