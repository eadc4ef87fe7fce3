"""Tokens come from a command or a provider, are kept while they are good, and their failures name the setting."""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from callgauge.errors import SettingError
from callgauge.security.tokens import ClientCredentials, KeptTokens, Token, TokenCommand
from callgauge.testing import ManualClock
from tests.forked import Child
from tests.token_provider import Provider, token_provider


def jwt(expires_at: float) -> str:
    parts = ({"alg": "none"}, {"sub": "me", "exp": expires_at})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.fixture
def provider() -> Iterator[Provider]:
    with token_provider() as server:
        yield server


def command(code: str) -> TokenCommand:
    return TokenCommand(f'{sys.executable} -c "{code}"', ManualClock(1_000.0))


def test_a_command_prints_a_token() -> None:
    """A JWT says itself how long it is good; another token counts as good for five minutes."""
    assert command("print('abc')").token() == Token("abc", 1_300.0)
    assert command(f"print('{jwt(2_000.5)}')").token() == Token(jwt(2_000.5), 2_000.5)
    assert command("print('not.base64.')").token().expires_at == 1_300.0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit('no such profile')", "it ended with code 1: no such profile; it must print a token"),
        ("print()", "it printed no token"),
        ("print('a b')", "it printed no token"),
    ],
)
def test_a_command_that_fails_is_explained(code: str, said: str) -> None:
    """With what it told last."""
    with pytest.raises(SettingError, match="CALLGAUGE_OAUTH_TOKEN_COMMAND: ") as raised:
        command(code).token()
    assert said in str(raised.value)


@pytest.mark.parametrize("line", ["/no/such/command", "'", ""])
def test_a_command_that_is_none_is_explained(line: str) -> None:
    """A file that is missing, quotes that do not close, nothing."""
    with pytest.raises(SettingError, match="CALLGAUGE_OAUTH_TOKEN_COMMAND: it cannot be run"):
        TokenCommand(line).token()


def test_a_provider_is_asked(provider: Provider) -> None:
    """By the client's id and secret, whatever characters they have (RFC 6749, 2.3.1)."""
    source = ClientCredentials(provider.url, "my:client", "p%ß =&", "kafka", ManualClock(1_000.0))
    assert source.token() == Token("t0ken", 1_060.0)
    [(authorization, form)] = provider.asked
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"my%3Aclient:p%25%C3%9F%20%3D%26"
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka"]}


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (401, "{}", "it answered with HTTP 401; is CALLGAUGE_OAUTH_CLIENT_ID with its secret right?"),
        (503, "{}", "it answered with HTTP 503"),
        (200, "<html>", "it gave no token"),
        (200, "{}", "it gave no token"),
    ],
)
def test_a_provider_that_refuses_is_explained(provider: Provider, status: int, answer: str, said: str) -> None:
    """Without the secret."""
    provider.status, provider.answer = status, answer
    with pytest.raises(SettingError, match="CALLGAUGE_OAUTH_TOKEN_URL: ") as raised:
        ClientCredentials(provider.url, "c", "hunter2", "").token()
    assert said in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_token_is_kept_for_most_of_its_life() -> None:
    """It is fetched again before it ends, and not before."""
    clock, fetched = ManualClock(1_000.0), [Token("first", 1_100.0), Token("second", 2_000.0)]

    class Source:
        def token(self) -> Token:
            return fetched.pop(0)

    kept = KeptTokens(Source(), clock)
    assert kept.token().value == "first"
    clock.advance(79)
    assert kept.token().value == "first"
    clock.advance(2)
    assert kept.token().value == "second"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_a_token_is_fetched() -> None:
    """The child asks for one itself, and does not wait for the thread of its parent."""
    asked, answer, parent = threading.Event(), threading.Event(), os.getpid()

    class Source:
        def token(self) -> Token:
            if os.getpid() == parent:
                asked.set()
                answer.wait()
            return Token(str(os.getpid() == parent), 2_000.0)

    kept = KeptTokens(Source(), ManualClock(1_000.0))
    fetching = threading.Thread(target=kept.token)
    fetching.start()
    asked.wait()
    child = Child(lambda: kept.token().value, 10)
    try:
        assert child.result() == "False"
    finally:
        answer.set()
        fetching.join()
