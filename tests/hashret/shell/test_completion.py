import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hashret.cli import main
from hashret.engine import Engine
from hashret.inputs import Entry
from tests.hashret.terminal import run

ROOT = Path(__file__).resolve().parents[3]
KEYS = ["a note", "file:1", "file:2", "häuser, klein", "x*y"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, hasher):
    """A file with awkward keys, one that is not ours, and a `hashret` for shells."""
    made = tmp_path_factory.mktemp("shell")
    metas = [{"topic": "food", "year": 2020, "new": True}, {"topic": "fox", "year": 2021, "none": None}]
    with Engine.create(str(made / "docs.db"), hasher) as engine:
        engine.add([Entry(key, "moon", metas[n % 2]) for n, key in enumerate(KEYS)])
    (made / "other.db").write_text("not a database")
    (made / "new.txt").write_text("moon")
    (made / "bin").mkdir()
    program = made / "bin" / "hashret"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m hashret "$@"\n')
    program.chmod(0o755)
    return made


def environment(folder):
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


def offered(folder, line, monkeypatch):
    """What bash is offered for a line, and nothing on standard error."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("_HASHRET_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_WORDBREAKS", " \t\n\"'><=;|&(:")
    out, err = run(prog_name="hashret")
    assert err == ""
    return [part for part in out.splitlines() if part]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("hashret que", ["plain,query"]),
        ("hashret query --whe", ["plain,--where"]),
        ("hashret index --on-error ", ["plain,fail", "plain,skip"]),
        ("hashret completion ", ["plain,bash", "plain,zsh", "plain,fish"]),
        ("hashret info ", ["plain,docs.db", "plain,other.db"]),
        ("hashret info d", ["plain,docs.db"]),
        ("hashret info none", ["file,none"]),
        ("hashret dedup docs.db --against ot", ["plain,other.db"]),
        (
            "hashret similar docs.db ",
            [r"plain,a\ note", "plain,file:1", "plain,file:2", r"plain,häuser,\ klein", r"plain,x\*y"],
        ),
        ("hashret similar docs.db file:", ["plain,1", "plain,2"]),
        ("hashret similar docs.db file:1 file:", ["plain,2"]),
        ('hashret similar docs.db "a n', ["plain,a note"]),
        (r"hashret remove docs.db a\ n", [r"plain,a\ note"]),
        ("hashret query docs.db moon --where ", ["plain,new=", "plain,none=", "plain,topic=", "plain,year="]),
        ("hashret query docs.db moon --where topic=fo", ["plain,food", "plain,fox"]),
        ("hashret query docs.db moon --where year=", ["plain,2020", "plain,2021"]),
        ("hashret query docs.db moon --where new=", ["plain,true"]),
        ("hashret evaluate docs.db --label t", ["plain,topic"]),
        ("hashret index new.db ", ["file,"]),
        ("hashret similar other.db ", []),
        ("hashret similar none.db ", []),
        ("hashret similar postgresql://host/db ", []),
        ("hashret query --where ", []),
    ],
)
def test_bash_is_offered(line, found, folder, monkeypatch):
    assert offered(folder, line, monkeypatch) == found


def test_completion_leaves_no_trace_and_waits_for_nobody(folder, monkeypatch):
    before = sorted(path.name for path in folder.iterdir())
    assert offered(folder, "hashret similar docs.db f", monkeypatch) == ["plain,file:1", "plain,file:2"]
    assert sorted(path.name for path in folder.iterdir()) == before
    with Engine.open(str(folder / "docs.db")) as engine:
        engine.add([Entry("file:3", "moon")])
        assert offered(folder, "hashret similar docs.db file:3", monkeypatch) == ["plain,3"]
        engine.remove(["file:3"])


def test_completion_loads_nothing_heavy():
    program = (
        "import sys; from hashret.cli import main\n"
        "try: main(prog_name='hashret')\nexcept SystemExit: pass\n"
        "print(set(sys.modules) & {'sqlalchemy', 'torch', 'faiss', 'sqlite3', 'rich', 'PIL'})"
    )
    more = {"_HASHRET_COMPLETE": "bash_complete", "COMP_WORDS": "hashret query docs.db --whe"}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **more}, capture_output=True, text=True, cwd=ROOT
    )
    assert (done.stdout, done.stderr) == ("plain,--where\nset()\n", "")


def typed(folder, keys):
    """The line that bash holds after keys were typed in a terminal: Ctrl-A and Ctrl-E make it the text of an echo."""
    leader, follower = pty.openpty()
    words = ["bash", "--norc", "--noprofile", "-i"]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), follower)
    with subprocess.Popen(words, cwd=folder, env=environment(folder), start_new_session=True, **streams) as child:
        os.close(follower)
        os.write(leader, b"PS1='ready> '; eval \"$(hashret completion bash)\"; echo is set\n")
        shown_until(leader, r"\nis set")
        os.write(leader, f"{keys}\x01echo '<\x05>'\n".encode())
        shown = shown_until(leader, r"\n<(.*)>")
        child.kill()
    os.close(leader)
    return shown[1]


def shown_until(leader, pattern):
    """The match of a pattern in what a terminal shows; it has half a minute to come."""
    shown, last = "", time.monotonic() + 30
    while not (found := re.search(pattern, shown)):
        ready, _, _ = select.select([leader], [], [], max(0, last - time.monotonic()))
        assert ready, shown
        shown += os.read(leader, 4096).decode(errors="replace")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("hashret que\t", "hashret query "),
        ("hashret similar doc\tfi\t", "hashret similar docs.db file:"),
        ("hashret query docs.db moon --where top\tfoo\t", "hashret query docs.db moon --where topic=food "),
    ],
)
def test_bash_completes_what_is_typed(keys, line, folder):
    assert typed(folder, keys) == line


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("hashret index --on-error ''", ["fail", "skip"]),
        ("hashret similar docs.db ''", KEYS),
        ("hashret query docs.db --where topic=fo", ["topic=food", "topic=fox"]),
    ],
)
def test_zsh_is_offered(words, found, folder):
    script = (
        'compdef() { }; compadd() { print -rl -- $completions }; eval "$(hashret completion zsh)"\n'
        f"words=({words}); CURRENT=$#words; _hashret_completion"
    )
    done = subprocess.run(
        ["zsh", "-f", "-c", script], cwd=folder, env=environment(folder), capture_output=True, text=True
    )
    assert (done.stdout.splitlines(), done.stderr) == (found, "")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("hashret index --on-error ", ["fail", "skip"]),
        ("hashret similar docs.db ", sorted(KEYS)),
        ("hashret query docs.db moon --where topic=fo", ["topic=food", "topic=fox"]),
    ],
)
def test_fish_is_offered(line, found, folder):
    program = f"hashret completion fish | source; complete -C {shlex.quote(line)}"
    done = subprocess.run(
        ["fish", "-N", "-c", program], cwd=folder, env=environment(folder), capture_output=True, text=True
    )
    assert (sorted(part.partition("\t")[0] for part in done.stdout.splitlines()), done.stderr) == (found, "")


def test_every_shell_has_a_script():
    for shell in ("bash", "zsh", "fish"):
        out, err = run("completion", shell)
        assert "_HASHRET_COMPLETE" in out
        assert err == ""
    assert "--help" not in main.commands["completion"].epilog
