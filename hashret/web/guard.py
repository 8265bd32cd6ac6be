"""Who may ask, and what a browser may do with the answer: the token, the Host header, the headers of security.

A page of somebody else must not read a server on this machine. One that makes its own name mean 127.0.0.1 sends that
name as Host (DNS rebinding), so without a token only names of this machine are answered.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HERE = ("localhost", "127.0.0.1", "::1")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """`app` for those who may ask it: who has the `token`, or if that is None who calls this machine by its name."""

    app: ASGIApp
    token: str | None
    host: str = "127.0.0.1"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self._wrong_host(scope) if self.token is None else self._wrong_token(scope)
        cookie = None if self.token is None or refused else self._cookie(scope)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-cache")
                if cookie:
                    headers.append("Set-Cookie", cookie)
            await send(message)

        await (refused or self.app)(scope, receive, sent)

    def _wrong_host(self, scope: Scope) -> JSONResponse | None:
        """The refusal of a request that calls this machine by another name."""
        host = Headers(scope=scope).get("host", "")
        name = host.removeprefix("[").partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if name.lower() in (*HERE, self.host):
            return None
        return JSONResponse(
            {"error": f"Host is {host!r}, this server answers for localhost: give it a --token to use another name"},
            400,
        )

    def _wrong_token(self, scope: Scope) -> JSONResponse | None:
        """The refusal of a request without the token."""
        headers = Headers(scope=scope)
        word, _, bearer = headers.get("authorization", "").partition(" ")
        cookie = cookie_parser(headers.get("cookie", "")).get(self._name(scope), "")
        given = (bearer if word.lower() == "bearer" else "", cookie, self._first(scope))
        if any(secrets.compare_digest(one.encode(), str(self.token).encode()) for one in given):
            return None
        text = "the token is missing or wrong: open the address that the server printed, or send Authorization: Bearer"
        return JSONResponse({"error": text}, 401, {"WWW-Authenticate": "Bearer"})

    def _cookie(self, scope: Scope) -> str | None:
        """What the first look at the page leaves with the browser, so that its address need not hold the token."""
        if not self._first(scope):
            return None
        return f"{self._name(scope)}={self.token}; HttpOnly; SameSite=Strict; Path=/"

    def _first(self, scope: Scope) -> str:
        """The token in the address of the page itself; nowhere else, for addresses are written down in many places."""
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["path"] == "/" else {}
        return str(asked.get("token", ""))

    def _name(self, scope: Scope) -> str:
        """The name of the cookie: browsers do not tell ports apart."""
        return f"hashret-{(scope.get('server') or ('', 0))[1]}"
