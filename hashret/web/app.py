"""Requests in, answers out: the routes of the page and of the JSON API over one file."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hashret.contents import Contents
from hashret.inputs.images import pixels
from hashret.web import parameters, pictures
from hashret.web.answers import Answers, Search
from hashret.web.openapi import MOST_BODY, MOST_QUERIES, document
from hashret.web.parameters import Parameter
from indexer.errors import HashretError, InvalidInput, NotFound

Value = TypeVar("Value")
STATIC = ("page.html", "page.css", "page.js", "words.js", "icon.svg")
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
QUERIES = f'send {{"texts": [...]}} or {{"vectors": [[...]]}} with 1 to {MOST_QUERIES} of them, or a PNG or JPEG image'


def make_app(answers: Answers, folder: Path | None = None) -> Starlette:
    """The application; `folder` holds the images that entries are keys of."""
    app = Starlette(
        routes=[*_Routes(answers, folder).routes(), *map(_static, STATIC)],
        exception_handlers={HashretError: _refuse, HTTPException: _refuse, Exception: _failed},
    )
    app.router.redirect_slashes = False  # a key may end with a slash
    return app


class _Key(Convertor[str]):
    """The rest of a path, line breaks and all: a key is any text."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """As it is."""
        return value

    def to_string(self, value: str) -> str:
        """As it is."""
        return value


register_url_convertor("key", _Key())


class _Routes:
    """The JSON API."""

    def __init__(self, answers: Answers, folder: Path | None) -> None:
        self._answers, self._folder = answers, folder

    def routes(self) -> list[Route]:
        """Where everything is."""
        return [
            Route("/openapi.json", self.openapi),
            Route("/api/info", self.info),
            Route("/api/search", self.search),
            Route("/api/search", self.searches, methods=["POST"]),
            Route("/api/entries", self.entries),
            Route("/api/entries/{key:key}", self.entry),
            Route("/api/similar/{key:key}", self.similar),
            Route("/api/bucket/{key:key}", self.bucket),
            Route("/api/pictures/{key:key}", self.picture),
        ]

    async def openapi(self, request: Request) -> Response:
        """The document of all this."""
        _given(request, ())
        return JSONResponse(document())

    async def info(self, request: Request) -> Response:
        """What the file holds."""
        _given(request, ())
        found = await run_in_threadpool(self._answers.info)
        shown = await self._ask(lambda: self._answers.ask(lambda engine: pictures.source(engine, self._folder)))
        return JSONResponse({**found, "pictures": shown})

    async def search(self, request: Request) -> Response:
        """Search for one text."""
        given = _given(request, (parameters.Q, *parameters.SEARCH))
        text = given.pop("q")
        found = await self._ask(lambda: self._answers.search([text], Search(**given)))
        return JSONResponse(found[0])

    async def searches(self, request: Request) -> Response:
        """Search for texts, embeddings or an image."""
        asked = Search(**_given(request, parameters.SEARCH))
        body = await _body(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        image = kind in ("image/png", "image/jpeg")

        def work() -> Any:
            contents = [pixels(BytesIO(body), "the image")] if image else _queries(body)
            return self._answers.search(contents, asked)

        return JSONResponse({"results": await self._ask(work)})

    async def entries(self, request: Request) -> Response:
        """Entries by their keys."""
        given = _given(request, parameters.LIST)
        prefix, after = given.pop("prefix"), given.pop("after")
        return JSONResponse(await self._ask(lambda: self._answers.entries(prefix, after, Search(**given))))

    async def entry(self, request: Request) -> Response:
        """One entry."""
        _given(request, ())
        return JSONResponse(await self._ask(lambda: self._answers.entry(_key(request))))

    async def similar(self, request: Request) -> Response:
        """The neighbours of an entry."""
        asked = Search(**_given(request, parameters.SEARCH))
        return JSONResponse(await self._ask(lambda: self._answers.similar(_key(request), asked)))

    async def bucket(self, request: Request) -> Response:
        """The entries that have its code."""
        asked = Search(**_given(request, (parameters.K, parameters.LENGTH)))
        return JSONResponse(await self._ask(lambda: self._answers.bucket(_key(request), asked)))

    async def picture(self, request: Request) -> Response:
        """The picture of an entry."""
        size = _given(request, (parameters.SIZE,))["size"]
        key = _key(request)
        drawn = await self._ask(
            lambda: self._answers.ask(lambda engine: pictures.picture(engine, self._folder, key, size))
        )
        return Response(drawn, media_type="image/png", headers={"Cache-Control": "private, max-age=60"})

    async def _ask(self, work: Callable[[], Value]) -> Value:
        """Work done beside the loop, so that readers do not wait for one another."""
        return await run_in_threadpool(work)


def _given(request: Request, wanted: tuple[Parameter, ...]) -> dict[str, Any]:
    """The parameters of a request."""
    return parameters.read(wanted, request.query_params.multi_items())


def _key(request: Request) -> str:
    """The key in the path."""
    return str(request.path_params["key"])


async def _body(request: Request) -> bytes:
    """The body of a request; one that is too long is refused before it is read."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BODY:
            raise HTTPException(413, f"the body has more than {MOST_BODY:,} bytes: ask for less at once")
        parts.append(part)
    return b"".join(parts)


def _queries(body: bytes) -> Contents:
    """The texts or embeddings of a JSON body; raises `InvalidInput`."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is no JSON: {QUERIES}") from error
    if not isinstance(given, dict) or list(given) not in (["texts"], ["vectors"]):
        raise InvalidInput(f"the body has other fields: {QUERIES}")
    [(name, values)] = given.items()
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_QUERIES:
        raise InvalidInput(f"{name} is no list or of another length: {QUERIES}")
    if name == "texts":
        if not all(isinstance(value, str) for value in values):
            raise InvalidInput(f"a text is something else: {QUERIES}")
        return values
    if not all(isinstance(row, list) and row and {type(x) for x in row} <= {int, float} for row in values):
        raise InvalidInput(f"a vector is no list of numbers: {QUERIES}")
    try:
        with np.errstate(over="ignore"):  # what is infinite as float32 is refused as such
            return np.stack([np.array(row, np.float32) for row in values])
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"vectors are of different lengths or hold numbers too large: {QUERIES}") from error


def _static(name: str) -> Route:
    """A file of the page, which lies beside this one."""
    kind = KINDS[name.rpartition(".")[2]]
    body = (Path(__file__).parent / name).read_bytes()

    async def answer(request: Request) -> Response:
        return Response(body, media_type=kind)

    return Route("/" if name == "page.html" else f"/{name}", answer)


def _refuse(request: Request, error: Exception) -> Response:
    """An error that a request or the file is to blame for."""
    if isinstance(error, HTTPException):
        texts = {404: f"{request.url.path}: there is nothing here: see /openapi.json"}
        text, status = texts.get(error.status_code, error.detail), error.status_code
        return JSONResponse({"error": text}, status, error.headers)
    status = 404 if isinstance(error, NotFound) else 400 if isinstance(error, InvalidInput) else 500
    return JSONResponse({"error": str(error)}, status)


def _failed(request: Request, error: Exception) -> Response:
    """An error of ours; the server prints where it happened."""
    return JSONResponse({"error": f"this should not happen: {type(error).__name__}"}, 500)
