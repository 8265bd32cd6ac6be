"""A page as Chromium lays it out, where one is installed: its size at some width, and what it complains of."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The page in a frame of some width; what is looked at is written where --dump-dom prints it.
FRAME = """<!doctype html><title>frame</title>
<style>body {{ margin: 0 }} iframe {{ border: 0; width: {width}px; height: 800px }}</style>
<iframe srcdoc="{page}"></iframe><pre id="found"></pre>
<script>onload = () => {{
  const inside = document.querySelector("iframe").contentDocument, root = inside.documentElement;
  const wide = [...inside.querySelectorAll("body *")].filter(one => !one.closest(".scroll") &&
    one.getBoundingClientRect().right > {width} + 1).map(one => one.outerHTML.slice(0, 80));
  document.getElementById("found").textContent = JSON.stringify({{width: root.scrollWidth, wide,
    asked: inside.defaultView.performance.getEntriesByType("resource").map(one => one.name.slice(0, 40)),
    broken: [...inside.images].filter(one => one.complete && !one.naturalWidth).length,
    background: inside.defaultView.getComputedStyle(inside.body).backgroundColor}});
}};</script>"""


def laid_out(page: str, folder: Path, width: int, dark: bool = False) -> dict:
    """Width, elements that stick out, what was asked of other places, broken images, background, complaints."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    file = folder / "frame.html"
    file.write_text(FRAME.format(page=html.escape(page), width=width), encoding="utf-8")
    words = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    words += ["--enable-logging=stderr", "--virtual-time-budget=5000", f"--window-size={max(width, 500)},900"]
    words += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", f"file://{file}"]
    run = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', run.stdout, re.DOTALL)[1]))
    return {**found, "complaints": [line for line in run.stderr.splitlines() if "CONSOLE" in line]}
