"""Headless Chromium for tests, by its DevTools protocol over a pipe: no driver, and no package beside the browser.

`HASHRET_CHROMIUM` names it where it is not found. https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE = 20.0  # seconds
KEYS = {"Enter": "\r", "Tab": "", "ArrowDown": "", "ArrowUp": "", "ArrowLeft": "", "ArrowRight": "", "/": "/"}
CODES = {"Enter": 13, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39, "/": 191}


def chromium() -> str | None:
    """The browser that is installed here, if one is."""
    return os.environ.get("HASHRET_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One process with an empty profile in `folder`; a context manager."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = os.pipe(), os.pipe()  # what it reads, and what it writes
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (ours[0], theirs[1])]

        def take() -> None:
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        command = [chromium(), *FLAGS, f"--user-data-dir={folder}"]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, preexec_fn=take, pass_fds=(3, 4), **silent)
        for end in (ours[0], theirs[1], *ends):
            os.close(end)
        self._to, self._from = ours[1], theirs[0]
        self._buffer, self._number = b"", 0
        self.events = []

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *failure: object) -> None:
        self.call("Browser.close")
        self._process.wait(PATIENCE)
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, session: str | None = None, **values: object) -> dict:
        """The result of one call; events that come before it are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": values}
        os.write(self._to, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict:
        """The next message."""
        while b"\0" not in self._buffer:
            assert select.select([self._from], [], [], PATIENCE)[0], "Chromium says nothing"
            part = os.read(self._from, 1 << 20)
            assert part, "Chromium has ended"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def page(self, width: int = 1100, height: int = 800, **media: str) -> "Page":
        """A new page of this size; media features as `prefers_color_scheme="dark"`."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        page.call("Emulation.setEmulatedMedia", features=features)
        return page


class Page:
    """One page, used as a person does: what is typed and clicked goes through the browser's own input."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **values: object) -> dict:
        """One call about this page."""
        return self._browser.call(method, self._session, **values)

    def run(self, script: str) -> object:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script: str) -> object:
        """The value of an expression as soon as it is true."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < end, (script, self.run("document.body.innerText"), self.problems())
            time.sleep(0.02)
        return value

    def open(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def back(self) -> None:
        """The Back button."""
        self.run("history.back()")

    def text(self, selector: str) -> str:
        """What a person reads there."""
        return self.run(f"document.querySelector({json.dumps(selector)}).innerText")

    def click(self, selector: str) -> None:
        """Click the middle of an element."""
        place = self.run(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)});"
            " element.scrollIntoView({block: 'center'}); const box = element.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2] })()"
        )
        self.drag(*place, *place)

    def drag(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """Press the mouse at one point, let it go at another."""
        button = {"button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, **button)
        if (x, y) != (to_x, to_y):
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=to_x, y=to_y, button="left", buttons=1)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=to_x, y=to_y, **button)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        for letter in text:
            self.call("Input.dispatchKeyEvent", type="char", text=letter)

    def press(self, key: str) -> None:
        """Press a key that is no letter."""
        values = {"key": key, "code": key, "windowsVirtualKeyCode": CODES[key]}
        text = {"text": KEYS[key]} if KEYS[key] else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **values, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **values)

    def screenshot(self, path: Path) -> None:
        """What is seen now, as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def problems(self) -> list[str]:
        """What the console was told that is no good news."""
        found = []
        for event in self._mine():
            values = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(values["exceptionDetails"].get("exception", {}).get("description", "an exception"))
            if event["method"] == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning", "assert"):
                found.append(str(values["args"]))
            if event["method"] == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
                found.append(f"{values['entry']['text']} {values['entry'].get('url', '')}")
        return found

    def requests(self) -> list[str]:
        """The address of everything that was asked for."""
        sent = (event for event in self._mine() if event["method"] == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in sent]

    def _mine(self) -> list[dict]:
        """The events of this page so far."""
        return [event for event in self._browser.events if event.get("sessionId") == self._session]
