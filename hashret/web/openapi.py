"""The OpenAPI 3.1 document of the JSON API: what may be asked and what is answered, https://spec.openapis.org/oas/."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hashret import __version__
from hashret.web import parameters as given
from hashret.web.parameters import Parameter

Json = dict[str, Any]
MOST_QUERIES = 100  # of one request
MOST_BODY = 16 << 20  # bytes

_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_CODE: Json = {"type": "string", "pattern": "^([0-9a-f]{2})+$", "description": "The code in hexadecimal."}
_ENTRY: Json = {
    "key": {"type": "string", "minLength": 1},
    "content": {"type": ["string", "null"], "description": "The text; null of images and embeddings."},
    "meta": {"type": "object"},
}


def _object(**properties: Json) -> Json:
    """An object that has all these and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(name: str) -> Json:
    """An array of one of the schemas below."""
    return {"type": "array", "items": _schema(name)}


def _schema(name: str) -> Json:
    """A reference to one of the schemas below."""
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: Json = {
    "Entry": _object(**_ENTRY),
    "Hit": _object(
        **_ENTRY,
        distance={**_COUNT, "description": "In bits."},
        score={"type": "number", "description": "Higher is better."},
        code=_CODE,
    ),
    "Answer": _object(
        code=_CODE,
        count={**_COUNT, "description": "How many lie within the radius; without one, the number of hits."},
        counts={
            "type": ["array", "null"],
            "items": _COUNT,
            "description": "How many lie within 0, 1, 2, ... bits, up to half of a code's; null unless asked for.",
        },
        words={
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "How many different words of a text the model knows; null of other queries.",
        },
        hits={**_array("Hit"), "description": "The best k, best first."},
    ),
    "Answers": _object(results=_array("Answer")),
    "List": _object(
        entries=_array("Entry"),
        next={"type": ["string", "null"], "description": "What to give as `after` for more; null at the end."},
    ),
    "Bucket": _object(
        code=_CODE,
        count={**_COUNT, "description": "How many entries have this code."},
        entries={**_array("Entry"), "description": "The k first stored of them."},
    ),
    "Info": {
        "type": "object",
        "properties": {
            "file": _TEXT,
            "kind": {"enum": ["text", "image", "vector", "matrix"]},
            "entries": _COUNT,
            "bits": {"type": "integer", "multipleOf": 8, "minimum": 8, "maximum": 256},
            "revision": _COUNT,
            "codes": {**_COUNT, "description": "How many different ones."},
            "model": {"type": "string", "description": "SHA-256 of the model."},
            "pictures": {
                "enum": ["files", "vectors", "codes", None],
                "description": "What pictures are drawn from: codes means what the model makes of a code.",
            },
        },
        "required": ["file", "kind", "entries", "bits", "revision", "codes", "model", "pictures"],
    },
    "Error": _object(error={"type": "string", "minLength": 1}),
    "Queries": {
        "oneOf": [
            _object(texts={"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MOST_QUERIES}),
            _object(
                vectors={
                    "type": "array",
                    "items": {"type": "array", "items": {"type": "number"}, "minItems": 1},
                    "minItems": 1,
                    "maxItems": MOST_QUERIES,
                }
            ),
        ]
    },
}
_ERRORS = {
    "400": "The request is wrong; the text says how to mend it.",
    "401": "The token is missing or wrong.",
    "404": "There is no such entry.",
    "413": f"The body has more than {MOST_BODY:,} bytes.",
}
_IMAGES = ("image/png", "image/jpeg")


def _operation(
    summary: str, answers: str, wanted: Iterable[Parameter] = (), *, key: bool = False, body: Json | None = None
) -> Json:
    """One operation whose good answer has the schema `answers`."""
    where: list[Json] = [
        {"name": one.name, "in": "query", "description": one.description, "required": one.required,
         "schema": one.schema}
        for one in wanted
    ]  # fmt: skip
    if key:
        where.insert(0, {"name": "key", "in": "path", "required": True, "schema": _TEXT,
                         "description": "The key of an entry, percent-encoded; slashes may stay."})  # fmt: skip
    content: Json = {"application/json": {"schema": _schema(answers)}}
    if answers == "picture":
        content = {"image/png": {}}
    failures = {
        code: {"description": text, "content": {"application/json": {"schema": _schema("Error")}}}
        for code, text in _ERRORS.items()
        if (code != "404" or key) and (code != "413" or body)
    }
    done: Json = {"summary": summary, "parameters": where}
    if body:
        done["requestBody"] = {"required": True, "content": body}
    return {**done, "responses": {"200": {"description": "Done.", "content": content}, **failures}}


def document() -> Json:
    """The whole document."""
    body: Json = {"application/json": {"schema": _schema("Queries")}, **{kind: {} for kind in _IMAGES}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hashret",
            "version": __version__,
            "summary": "Exact search of learned binary codes; read-only.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
        "paths": {
            "/api/info": {"get": _operation("What the file holds.", "Info")},
            "/api/search": {
                "get": _operation("Search for a text.", "Answer", (given.Q, *given.SEARCH)),
                "post": _operation("Search for texts, embeddings or an image.", "Answers", given.SEARCH, body=body),
            },
            "/api/entries": {"get": _operation("Entries in the order of their keys.", "List", given.LIST)},
            "/api/entries/{key}": {"get": _operation("An entry.", "Hit", key=True)},
            "/api/similar/{key}": {"get": _operation("Its neighbours.", "Answer", given.SEARCH, key=True)},
            "/api/bucket/{key}": {
                "get": _operation("Entries that have its code.", "Bucket", (given.K, given.LENGTH), key=True)
            },
            "/api/pictures/{key}": {"get": _operation("Its picture.", "picture", (given.SIZE,), key=True)},
        },
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
