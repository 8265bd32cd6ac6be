"""Commands as a user gives them: in this process, or on a terminal."""

import os
import pty
import re
import subprocess
import sys

from click.testing import CliRunner

from hashret.cli import main

FAST = ["--bits", "32", "--steps", "80", "--batch", "32", "--neighbours", "10", "--min-count", "1"]


def run(*words, code=0, **more):
    """Standard output and standard error of one command, which must end with this exit code."""
    result = CliRunner().invoke(main, [str(word) for word in words], **more)
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout, result.stderr


def on_terminal(*words, stream="stdout", columns=90, term="xterm", plain=True):
    """What a command writes to a pseudo-terminal of so many columns; if `plain` without control sequences."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": term}
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: follower}
    command = [sys.executable, "-m", "hashret", *map(str, words)]
    with subprocess.Popen(command, env=environment, **streams) as child:
        os.close(follower)
        shown = b""
        try:
            while part := os.read(leader, 65536):
                shown += part
        except OSError:  # how Linux says that the other side has closed
            pass
        assert child.wait() == 0
    os.close(leader)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()) if plain else shown.decode()
