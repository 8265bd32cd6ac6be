"""Serving one file until Ctrl-C: the address, the token, and uvicorn."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from indexer.errors import InvalidInput, NotFound

TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # what both Authorization and a cookie can hold


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and the token that is asked for there; None for anybody on this machine."""

    host: str
    port: int
    token: str | None

    @classmethod
    def of(cls, host: str, port: int, token: str | None) -> Address:
        """With a token made where others can reach the server and none was given; raises `InvalidInput`."""
        if token is not None and not TOKEN.fullmatch(token):
            raise InvalidInput("the token has other characters than A-Z a-z 0-9 . _ ~ + / = -: give another")
        return cls(host, port, token or (None if loopback(host) else secrets.token_urlsafe(24)))

    def listen(self) -> socket.socket:
        """A socket that is bound; raises `InvalidInput` if that cannot be."""
        try:
            family = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((self.host, self.port), family=family)
        except (OSError, UnicodeError) as error:
            number = getattr(error, "errno", None) or 0
            reason = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or error
            raise InvalidInput(f"{self.host}:{self.port}: {reason}: choose another --host or --port") from error

    def url(self, port: int) -> str:
        """What to open; where every interface listens, by the name of this machine."""
        host = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{port}/" + (f"?token={quote(self.token, safe='')}" if self.token else "")


def loopback(host: str) -> bool:
    """Whether only this machine can reach that host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(path: str, address: Address, images: str | None, say: Callable[[str], object]) -> None:
    """Serve a file until Ctrl-C; `say` is told where. Raises `NotFound`, `InvalidInput` or what opening raises."""
    try:
        import uvicorn

        from hashret.web.app import make_app
        from hashret.web.guard import Guard
    except ModuleNotFoundError as error:
        raise InvalidInput(f"the page needs {error.name}: pip install 'hashret[server]'") from error
    from hashret.web import pictures
    from hashret.web.answers import Answers

    if images is not None and not Path(images).is_dir():
        raise NotFound(f"{images}: no such folder: give the one that the images were indexed from")
    answers = Answers(path)
    try:
        folder = Path(images) if images is not None else pictures.home(answers.engine)
        with address.listen() as listening:
            port = listening.getsockname()[1]
            guard = Guard(make_app(answers, folder), address.token, address.host)
            say(f"{len(answers.engine):,} entries of {path} at {address.url(port)}")
            say((f"Pictures from {folder.as_posix()}. " if folder else "") + "Stop with Ctrl-C.")
            config = uvicorn.Config(
                guard, log_level="error", access_log=False, server_header=False, ws="none", lifespan="off",
                timeout_graceful_shutdown=2,
            )  # fmt: skip
            uvicorn.Server(config).run([listening])
    except KeyboardInterrupt:
        pass  # how a server is meant to be stopped
    finally:
        answers.close()
