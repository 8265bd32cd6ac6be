"""Who is answered and who is not."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from hashret.web.guard import HEADERS, Guard

WRONG = {
    "error": "the token is missing or wrong: open the address that the server printed, or send Authorization: Bearer"
}


def client(token=None, host="127.0.0.1", address="http://127.0.0.1:8000"):
    return TestClient(Guard(PlainTextResponse("in"), token, host), base_url=address)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]", "127.0.0.5:80"])
def test_without_a_token_this_machine_is_answered(name):
    assert client(host="127.0.0.5").get("/", headers={"Host": name}).text == "in"


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", ""]
)
def test_another_name_for_this_machine_is_refused(name):
    refused = client().get("/api/info", headers={"Host": name})
    assert refused.status_code == 400
    text = f"Host is {name!r}, this server answers for localhost: give it a --token to use another name"
    assert refused.json() == {"error": text}


def test_with_a_token_nobody_is_answered_without_it():
    for address in ("http://127.0.0.1:8000", "http://docs.example"):
        asked = client("secret", address=address)
        for path in ("/", "/page.js", "/api/info", "/api/info?token=secret", "/?token=Secret", "/?token="):
            refused = asked.get(path)
            assert (refused.status_code, refused.json()) == (401, WRONG), path
            assert refused.headers["www-authenticate"] == "Bearer"
        for header in (
            "Bearer secre",
            "Bearer secret2",
            "Basic secret",
            "secret",
            "Bearer",
            "Bearer s\u00e9cret".encode(),
        ):
            assert asked.get("/", headers={"Authorization": header}).status_code == 401, header
        assert asked.get("/", headers={"Authorization": "Bearer secret"}).text == "in"


def test_the_page_leaves_a_cookie_that_is_enough_afterwards():
    asked = client("s3cret==")
    first = asked.get("/?token=s3cret%3D%3D&q=moon")
    assert first.text == "in"
    assert first.headers["set-cookie"] == "hashret-8000=s3cret==; HttpOnly; SameSite=Strict; Path=/"
    again = asked.get("/api/info")
    assert again.text == "in"
    assert "set-cookie" not in again.headers
    assert client("s3cret==").get("/api/info", headers={"Cookie": "hashret-8001=s3cret=="}).status_code == 401


def test_every_answer_has_the_headers_of_security():
    for answer in (client().get("/"), client("secret").get("/"), client().get("/", headers={"Host": "evil.example"})):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["cache-control"] == "no-cache"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
