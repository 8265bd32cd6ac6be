"""Examples as a reader would try them: the files that they speak of, and a shell to run them in."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from click.testing import CliRunner

from docs import samples
from hashret.cli import main

ROOT = Path(__file__).resolve().parents[1]
QUICK = {
    "HASHRET_INDEX_STEPS": "40",
    "HASHRET_INDEX_BATCH": "32",
    "HASHRET_INDEX_NEIGHBOURS": "10",
    "HASHRET_REENCODE_STEPS": "40",
    "HASHRET_SERVE_PORT": "0",
    "COLUMNS": "100",
    "TERM": "dumb",
}
FOREVER = ("serve",)  # commands that end by Ctrl-C
SHELL = re.compile(r"[|<>$&;*]")
DATABASES = {
    "notes.db": ["notes"],
    "docs.db": ["docs.jsonl"],
    "photos.db": ["photos", "--store-vectors"],
    "vectors.db": ["embeddings.npy", "--ids", "ids.txt"],
}


def prepare(folder: Path) -> None:
    """The files that examples speak of, and a `hashret` for shells, in its folder .bin."""
    samples.write(folder)
    (folder / ".config/fish/completions").mkdir(parents=True)
    (folder / ".bin").mkdir()
    for name, words in (("hashret", "-m hashret "), ("python", "")):
        program = folder / ".bin" / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words}"$@"\n')
        program.chmod(0o755)


def index(folder: Path, names=tuple(DATABASES)) -> None:
    """Make databases of the files."""
    for name in names:
        run(f"hashret index {name} {shlex.join(DATABASES[name])}", folder)


def copy(prepared: Path, folder: Path, databases: bool) -> None:
    """A folder of one's own."""
    ignored = () if databases else ("*.db",)
    shutil.copytree(prepared, folder, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*ignored))


def environment(folder: Path) -> dict[str, str]:
    """That of a user who works in his home, this folder, and has little time."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HASHRET_")}
    path = f"{folder / '.bin'}:{os.environ['PATH']}"
    return {**plain, **QUICK, "HOME": str(folder), "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def run(line: str, folder: Path) -> tuple[int, str]:
    """Exit code of a command line, and what it prints: in this process, or in bash where it takes a shell."""
    words = shlex.split(line, comments=True)
    if words[0] == "hashret" and not SHELL.search(line.partition(" #")[0].replace("'**/*.md'", "")):
        return _here([word.replace("~", str(folder), word.startswith("~/")) for word in words[1:]], folder)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment(folder), text=True, **streams)
    return done.returncode, done.stdout


def _here(words: list[str], folder: Path) -> tuple[int, str]:
    """A command in this process, or one that does not end by itself in its own."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        if words[0] in FOREVER and "--help" not in words:
            return _stopped(words, folder)
        result = CliRunner(env=environment(folder)).invoke(main, words, prog_name="hashret")
    finally:
        os.chdir(before)
    return result.exit_code, result.stdout + result.stderr


def _stopped(words: list[str], folder: Path) -> tuple[int, str]:
    """A command that has to run until Ctrl-C, and then to end well."""
    command = [sys.executable, "-u", "-m", "hashret", *words]
    with subprocess.Popen(command, cwd=folder, env=environment(folder), stderr=subprocess.PIPE, text=True) as child:
        time.sleep(3)
        assert child.poll() is None, child.stderr.read()
        child.send_signal(signal.SIGINT)
        _, told = child.communicate(timeout=20)
    return (0 if child.returncode in (0, 130) else child.returncode), told
